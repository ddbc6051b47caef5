import type { Tensor } from '@llama-probe/dump';
import type { Graph } from '@llama-probe/dump/stage';
import { unlessAborted } from './abort.js';
import { type AdapterInfo, type AdapterKind, type OpenedAdapter, openAdapter } from './adapter/index.js';
import { type Arena, type ArenaSize, arenaBytes } from './arena.js';
import { type LlamaConfig, sightOf } from './config.js';
import { RunError } from './errors.js';
import { fromHook } from './from.js';
import { type GgufFile, openGguf } from './gguf.js';
import type { Hook, StageAt } from './hook.js';
import { Commands, KernelCache } from './kernels.js';
import { merged } from './merged.js';
import type { LlamaTensors, Model } from './model.js';
import type { Architecture } from './models/architecture.js';
import { architectureOf } from './models/index.js';
import { type Batch, createOperations, nKv } from './operations.js';
import { type Asked, ask } from './products/blocks.js';
import { choosing } from './products/choose.js';
import { type Blocks, chooseBlocks, workOf } from './products/measure.js';
import { createMulMat, type MulMat } from './products/mul-mat.js';
import { readConfig } from './read-config.js';
import { Recent } from './recent.js';
import { Recorder } from './recorder.js';
import { type Script, scripted, type Waiting } from './script.js';
import { createState, destroyState, isLong, rowWidths, type State, ubatchFor } from './state.js';
import { type AroundUpload, mayFit, streamModel } from './streamed.js';
import { llamaTensors } from './tensors.js';
import { type Trace, trace } from './trace.js';
import { Uploads } from './uploads.js';
import { uploadModel } from './weights.js';

export interface EngineOptions {
  /** Path of a GGUF file. */
  model: string;
  adapter?: AdapterKind | 'auto';
  /** Weights are uploaded, used and dropped layer by layer. Without it, where the adapter does not hold all of them. */
  stream?: boolean | undefined;
  onProgress?: (message: string) => void;
  signal?: AbortSignal;
  /** Is handed each upload of weights, to await it: so it can be told apart from what else is waited for. */
  aroundUpload?: AroundUpload | undefined;
  /** The engine is there before its weights: its runs wait for them, and fail where they cannot be uploaded. */
  beside?: boolean | undefined;
}

export interface RunOptions {
  /** The prompt's token ids. */
  tokens: readonly number[];
  /** How many tokens to decode after the prompt; 0 unless given. */
  steps?: number;
  /** What to feed at step 1, 2, … instead of the engine's own choice. */
  forcedTokens?: readonly number[];
  /** Nothing is recorded unless given. */
  hook?: Hook;
  /**
   * Rows to go on from, in evaluation order, such as another run's tensors of the same tokens: a stage that they have rows for is recorded
   * and then overwritten with them, so that each stage starts from their inputs. Of a pass they have all rows or the last ones. A
   * stage without given rows is left as it is.
   */
  from?: AsyncIterable<Tensor>;
  /** The most tokens in one pass; chosen by the adapter's limits unless given. */
  ubatch?: number;
  signal?: AbortSignal;
}

export interface EngineRun {
  /** What the hook recorded, in evaluation order. Read it to its end: the run goes on as it is read. */
  readonly tensors: AsyncIterable<Tensor>;
  /** Greedy choices: after the prompt, then after each step; steps + 1 of them. */
  readonly result: Promise<{ generated: number[]; milliseconds: number }>;
}

/**
 * The quantised Llama pass on WebGPU compute.
 *
 * @throws ModelError for a file that cannot be run, NoAdapterError where nothing can compute.
 * @example
 * const engine = await openEngine({ model: 'model.gguf' });
 * const run = engine.run({ tokens: [1, 15043], steps: 8, hook: { record: () => true } });
 * for await (const tensor of run.tensors) console.log(tensor.stage, tensor.layer);
 * console.log(await run.result);
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const file = await openGguf(options.model);
  const { config } = readConfig(file);
  const tensors = llamaTensors(file, config);
  options.onProgress?.('opening a WebGPU adapter');
  const opened = await openAdapter({ adapter: options.adapter ?? 'auto' });
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const weights = modelFor(opened, file, tensors, { ...options, signal });
  const engine = new Engine(opened, file, config, weights, { stop, onProgress: options.onProgress });
  try {
    if (!options.beside) await weights;
    return engine;
  } catch (error) {
    engine.close();
    throw error;
  }
}

/** The weights, all at once or streamed. */
async function modelFor(
  { device, info }: OpenedAdapter,
  file: GgufFile,
  tensors: LlamaTensors,
  { stream = !mayFit(info.kind, tensors), signal, onProgress, aroundUpload = (upload) => upload() }: EngineOptions,
): Promise<Model> {
  if (!stream) {
    try {
      const tell = (done: number, total: number) => {
        signal?.throwIfAborted();
        onProgress?.(`uploading weights to ${info.name}: ${Math.floor((100 * done) / total)} %`);
      };
      return await aroundUpload(() => uploadModel(device, info.kind, file, tensors, tell));
    } catch (error) {
      if (!(error instanceof RunError) || error.code !== 'out-of-memory') throw error;
    }
  }
  onProgress?.(`the weights go to ${info.name} layer by layer, anew in each pass`);
  return streamModel(device, info.kind, file, tensors, aroundUpload);
}

const ARENA = 64 << 20; // bytes that wait for a submit, unless one layer needs more

interface EngineParts {
  readonly arenaSize?: ArenaSize;
  /** Ends the upload of weights that are still on their way. */
  readonly stop?: AbortController;
  readonly onProgress?: ((message: string) => void) | undefined;
}

export class Engine {
  readonly adapter: AdapterInfo;
  private readonly kernels: KernelCache;
  private readonly mulMat: MulMat;
  private readonly blocks: Blocks = new Map();
  private readonly asked: Asked = new Map();
  private readonly architecture: Architecture;
  private readonly trace: Trace;
  /** The most values that the stages of a layer have in a row, the scores apart, and how many scores they have for each position. */
  private readonly widest: { readonly values: number; readonly scores: number };
  /** The weights, once they are there. */
  private model: Model | undefined;
  private readonly weights: Promise<Model>;
  private readonly arenaSize: ArenaSize;
  private readonly stop: AbortController | undefined;
  private readonly onProgress: ((message: string) => void) | undefined;
  private state: State | undefined;
  private running = false;
  private recorder: Recorder | undefined;
  private uploads: Uploads | undefined;

  /** @param weights those that are there, or that are on their way until `stop` says otherwise */
  constructor(
    private readonly opened: OpenedAdapter,
    readonly file: GgufFile,
    readonly config: LlamaConfig,
    weights: Model | Promise<Model>,
    { arenaSize, stop, onProgress }: EngineParts = {},
  ) {
    this.stop = stop;
    this.onProgress = onProgress;
    this.arenaSize = arenaSize ?? { usual: ARENA, most: opened.device.limits.maxBufferSize };
    if (!(weights instanceof Promise)) this.model = weights;
    this.weights = Promise.resolve(weights).then((model) => {
      this.model = model;
      return model;
    });
    this.weights.catch(() => {}); // whoever waits for them hears of it
    this.adapter = opened.info;
    this.kernels = new KernelCache(opened);
    const choose = choosing(opened.info, this.blocks, this.asked);
    this.mulMat = createMulMat(opened.device, opened.info, choose);
    this.architecture = architectureOf(config.architecture) as Architecture;
    this.trace = trace(this.architecture, config, llamaTensors(file, config));
    this.widest = this.widestLayer();
  }

  /** The stages of a run, and what each is computed from. */
  get graph(): Graph {
    return this.trace.graph;
  }

  /** What the file says of its architecture that the engine does nothing with: it may change what is right. */
  get unread(): readonly string[] {
    return readConfig(this.file).unread;
  }

  /** Whether weights are uploaded layer by layer, in each pass: known when a run has begun. */
  get isStreamed(): boolean {
    return this.model?.load !== undefined;
  }

  /** GPU memory in use, in bytes: weights, KV cache with the pass's buffers, and what is recorded and overwritten at a time. */
  get memory(): { weights: number; state: number; arena: number } {
    const arena = (this.recorder?.arena.bytes ?? 0) + (this.uploads?.arena.bytes ?? 0);
    return { weights: this.model?.bytes ?? 0, state: this.state?.bytes ?? 0, arena };
  }

  /** The most tokens that one pass can take for a sequence of `capacity` positions. */
  ubatch(capacity: number): number {
    return ubatchFor(this.config, this.opened.device.limits.maxStorageBufferBindingSize, capacity);
  }

  /** Runs the prompt and `steps` greedy tokens after it. @throws RunError before anything runs if the tokens do not fit. */
  run(options: RunOptions): EngineRun {
    this.check(options);
    let settle: { resolve(value: { generated: number[]; milliseconds: number }): void; reject(error: unknown): void };
    const result = new Promise<{ generated: number[]; milliseconds: number }>((resolve, reject) => {
      settle = { resolve, reject };
    });
    result.catch(() => {}); // whoever reads the tensors hears of it there
    const generated: number[] = [];
    const begin = performance.now();
    const given = options.from && fromHook(options.from, this.graph, options.hook);
    const steps = this.steps(given ? { ...options, hook: given.hook } : options, generated);
    const exclusive = this.exclusive.bind(this);
    async function* tensors(): AsyncGenerator<Tensor> {
      try {
        yield* exclusive(steps);
        settle.resolve({ generated, milliseconds: performance.now() - begin });
      } catch (error) {
        settle.reject(error);
        throw error;
      } finally {
        await given?.leave();
        settle.reject(new RunError('unfinished', 'The run was left before its end, so it has no result.'));
      }
    }
    return { tensors: tensors(), result };
  }

  /** Frees what is on the device, and leaves that to the next, where devices are kept; destroys it while a run is going on. */
  close(): void {
    const { opened, model } = this;
    if (!model) {
      this.stop?.abort();
      const close = () => opened.close();
      this.weights.then(close, close);
      return;
    }
    if (this.running) {
      opened.close();
      return;
    }
    model.free();
    if (this.state) destroyState(this.state);
    this.recorder?.arena.destroy();
    this.uploads?.arena.destroy();
    this.opened.device.queue.submit([]); // with which Dawn gives the memory back
    this.opened.leave();
  }

  /** @throws RunError where the tokens are none, not in the vocabulary, or more than the context. */
  check({ tokens, steps = 0, forcedTokens = [], ubatch }: RunOptions): void {
    const { vocabularySize, contextLength } = this.config;
    if (tokens.length === 0)
      throw new RunError('tokens-empty', 'There are no tokens to run. Give a prompt or --tokens.');
    for (const id of [...tokens, ...forcedTokens]) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabularySize) {
        throw new RunError(
          'token-out-of-range',
          `Token id ${id} is not in the vocabulary: ${this.file.path} has the ids 0 to ${vocabularySize - 1}.`,
        );
      }
    }
    if (tokens.length + steps > contextLength) {
      throw new RunError(
        'context-exceeded',
        `${tokens.length} tokens and ${steps} steps are more than the model's context of ${contextLength}. Shorten the prompt or --steps.`,
      );
    }
    const most = this.ubatch(tokens.length + steps);
    if (this.config.seesAll && tokens.length > Math.min(most, ubatch ?? most)) {
      throw new RunError(
        'context-exceeded',
        `Each token of this model sees those after it too (attention.causal is false), so the prompt's ${tokens.length} tokens have to be computed at once, and ${Math.min(most, ubatch ?? most)} can be. Shorten the prompt, or leave --ubatch out.`,
      );
    }
  }

  /** Two runs would write the same buffers. */
  private async *exclusive(steps: AsyncGenerator<Tensor>): AsyncGenerator<Tensor> {
    if (this.running) {
      throw new RunError(
        'busy',
        'This engine is running already. Read the other run to its end, or open another engine.',
      );
    }
    this.running = true;
    try {
      yield* steps;
    } finally {
      this.running = false;
    }
  }

  private async *steps(options: RunOptions, generated: number[]): AsyncGenerator<Tensor> {
    const { tokens, steps = 0, forcedTokens = [] } = options;
    const capacity = tokens.length + steps;
    const ubatch = Math.min(options.ubatch ?? Number.POSITIVE_INFINITY, this.ubatch(capacity), tokens.length);
    const model = await this.weights;
    const state = this.allocate(model, capacity, ubatch);
    const coming = [...workOf(model.tensors, ubatch, tokens.length / ubatch), ...workOf(model.tensors, 1, steps)];
    ask(this.asked, coming);
    await chooseBlocks(this.opened, this.blocks, coming, { onProgress: this.onProgress, signal: options.signal });
    const order = { next: 0 };
    for (let first = 0; first < tokens.length; first += ubatch) {
      const chunk = tokens.slice(first, first + ubatch);
      const last = first + chunk.length === tokens.length;
      yield* this.pass(model, state, order, 0, chunk, first, last ? generated : undefined, options);
    }
    for (let step = 1; step <= steps; step++) {
      const token = forcedTokens[step - 1] ?? (generated.at(-1) as number);
      yield* this.pass(model, state, order, step, [token], tokens.length + step - 1, generated, options);
    }
  }

  /** One forward(): encodes, submits when an arena is full or the pass is done, and yields what was recorded. */
  private async *pass(
    model: Model,
    state: State,
    order: { next: number },
    step: number,
    ids: readonly number[],
    firstPosition: number,
    generated: number[] | undefined,
    { hook, signal }: RunOptions,
  ): AsyncGenerator<Tensor> {
    const { opened } = this;
    const { device } = opened;
    const batch: Batch = { tokens: ids.length, firstPosition };
    const widths: Readonly<Record<string, number>> = rowWidths(this.config, nKv(batch));
    const commands = new Commands(device);
    const layerBytes = 4 * batch.tokens * (this.widest.values + this.widest.scores * nKv(batch));
    const uploadBytes = layerBytes * [hook?.inject, hook?.overwrite].filter((gives) => gives !== undefined).length;
    const recorder = this.allocateRecorder(layerBytes);
    const uploads = this.allocateUploads(uploadBytes);
    device.queue.writeBuffer(state.batch, 0, Uint32Array.of(batch.tokens, firstPosition, nKv(batch)));
    device.queue.writeBuffer(state.tokens, 0, Uint32Array.from(ids));
    const each = createOperations(this.config, this.kernels, this.mulMat, commands, state.batch, batch);
    const op = merged(each, commands, this.config, this.adapter.class);

    const recent = hook?.inject && new Recent();
    const onStage = (stage: string, layer: number | null, rows: GPUBuffer): Waiting | undefined => {
      const at: StageAt = {
        step,
        order: order.next++,
        layer,
        stage,
        firstPosition,
        tokens: ids.length,
        width: widths[this.trace.bufferOf.get(stage) as string] as number,
        ...(stage === 'kq' ? { sight: sightOf(this.config, layer) } : {}),
      };
      const fault = hook?.inject?.(at);
      if (typeof fault === 'function') return { at, rows, later: fault };
      if (fault) uploads?.put(commands, 'inject', at, rows, fault);
      finishStage(at, rows);
      return undefined;
    };
    const finishStage = (at: StageAt, rows: GPUBuffer) => {
      const recorded = hook?.record(at) ?? false;
      if (recorded) recorder.record(commands, at, rows);
      if (at.stage === 'result_output' && generated && !recorded) {
        const lastRow = { ...at, firstPosition: nKv(batch) - 1, tokens: 1 };
        recorder.record(commands, lastRow, rows, false, ids.length - 1);
      }
      const other = hook?.overwrite?.(at);
      if (other) uploads?.put(commands, 'overwrite', at, rows, other);
      if (other && recorded) recent?.overwrite(at.order, other);
    };

    const drain = async function* (): AsyncGenerator<Tensor> {
      commands.submit();
      uploads?.arena.reset();
      const recorded = await recorder.drain();
      opened.check();
      for (const { tensor, wanted } of recorded) {
        if (tensor.stage === 'result_output') generated?.push(argmax(tensor.values.subarray(-tensor.width)));
        if (!wanted) continue;
        recent?.add(tensor);
        yield tensor;
      }
    };
    const script: Script = []; // stays empty without inject(): forward() encodes as it goes
    const { forward } = this.architecture;
    const stages = hook?.inject
      ? forward(scripted(op, script), model, state, (...stage) => script.push(() => onStage(...stage)), this.config)
      : forward(op, model, state, onStage, this.config);
    for (const layer of [...model.tensors.blk.keys(), null]) {
      if (model.load) {
        yield* drain(); // what was encoded reads the weights that go
        await model.load(layer);
        this.kernels.forgetGroups();
      } else if (!recorder.arena.has(layerBytes) || uploads?.arena.has(uploadBytes) === false) yield* drain();
      await unlessAborted(hook?.prepare?.({ step, layer, firstPosition, tokens: ids.length }), signal);
      signal?.throwIfAborted();
      recent?.begin(order.next);
      stages.next();
      for (const step of script.splice(0)) {
        const waiting = step();
        if (!waiting || !recent) continue;
        yield* drain();
        signal?.throwIfAborted();
        const fault = await unlessAborted(waiting.later(recent), signal);
        if (fault) uploads?.put(commands, 'inject', waiting.at, waiting.rows, fault);
        finishStage(waiting.at, waiting.rows);
      }
    }
    yield* drain();
  }

  private widestLayer(): Engine['widest'] {
    const values = new Map<number | null, number>();
    const scores = new Map<number | null, number>();
    const [one, two] = [rowWidths(this.config, 1), rowWidths(this.config, 2)] as Array<Record<string, number>>;
    for (const { stage, layer } of this.graph.stages) {
      const name = this.trace.bufferOf.get(stage) as string;
      const perPosition = (two?.[name] as number) - (one?.[name] as number);
      const at = stage === 'embd' || stage === 'inp_scaled' ? 0 : layer; // encoded with the first layer
      values.set(at, (values.get(at) ?? 0) + (one?.[name] as number) - perPosition);
      scores.set(at, (scores.get(at) ?? 0) + perPosition);
    }
    return { values: Math.max(...values.values()), scores: Math.max(...scores.values()) };
  }

  private allocate(model: Model, capacity: number, maxTokens: number): State {
    const long = isLong(this.config, capacity);
    const { state } = this;
    if (!state || state.capacity < capacity || state.maxTokens < maxTokens || state.isLong !== long) {
      if (state) destroyState(state);
      this.state = createState(this.opened.device, this.config, model, capacity, maxTokens, long);
    }
    return this.state as State;
  }

  private allocateRecorder(layerBytes: number): Recorder {
    this.recorder = this.grown(this.recorder, layerBytes, (bytes) => new Recorder(this.opened.device, bytes));
    this.recorder.reset();
    return this.recorder;
  }

  private allocateUploads(layerBytes: number): Uploads | undefined {
    if (layerBytes === 0) return undefined;
    this.uploads = this.grown(this.uploads, layerBytes, (bytes) => new Uploads(this.opened.device, bytes));
    this.uploads.arena.reset();
    return this.uploads;
  }

  private grown<T extends { arena: Arena }>(old: T | undefined, layerBytes: number, make: (bytes: number) => T): T {
    const bytes = arenaBytes(layerBytes, this.config.blockCount + 1, this.arenaSize);
    if (old && old.arena.bytes >= bytes) return old;
    old?.arena.destroy();
    return make(bytes);
  }
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
