import { type NodeOperation, type Place, readTensorStream, type Tensor } from '@llama-probe/dump';
import { chooseExactBy, type ExactBy, type ExactWay } from './blocks/choose.js';
import type { RoundTo } from './capture/rounding.js';
import { checkModelFiles } from './model/files.js';
import { progressFromLog, quantizeWith } from './model/quantize.js';
import { sendGiven } from './process/given-frames.js';
import { type Lease, openLibraries } from './process/lease.js';
import { borrow } from './process/pipe.js';
import type { ModelInfo, RunParameters, RunResult } from './process/protocol.js';
import { chooseThreads } from './process/threads.js';

/** `native`: the file as it is. `exact`: the same weights dequantised to F32 by ggml. */
export type ReferenceMode = 'native' | 'exact';

export interface ReferenceOptions {
  model: string;
  mode: ReferenceMode;
  threads?: number | undefined;
  /** Cores to leave to others that compute at the same time: threads that wait for a core hold up all the others. */
  sparedCores?: number | undefined;
  /** How the exact weights are evaluated; without it as is best for the model. */
  exactBy?: ExactBy | undefined;
  /** One of llama.cpp's CPU builds, such as `haswell`; without it the best that this machine runs. */
  cpuVariant?: string | undefined;
  /** In tokens; without it as long as a run needs. */
  contextLength?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((message: string) => void) | undefined;
  /** Where llama.cpp's libraries are, instead of node-llama-cpp's package. */
  libraries?: string | undefined;
  /** What computes instead of the CPU, by ggml's name, where the libraries have a backend for it. @example 'Vulkan0' */
  device?: string | undefined;
}

export interface RunOptions {
  tokens: readonly number[];
  /** How many tokens are decoded after the prompt; as many as there are forced tokens, or 0. */
  steps?: number | undefined;
  /**
   * Which stages come as tensors; an empty list evaluates without any callback. With `from` those come that it has rows for, and these
   * besides: none unless given.
   */
  stages?: 'vocabulary' | 'all' | readonly string[] | undefined;
  /** Which layers' stages come; stages without a layer come anyway. */
  layers?: readonly number[] | undefined;
  /** How many tokens are evaluated at once; without it the whole prompt. */
  ubatch?: number | undefined;
  /** What step 1… are fed instead of the greedy tokens. */
  forcedTokens?: readonly number[] | undefined;
  /** The logits of the last position of the prompt and of each step come as `result_output`, from llama.cpp's output and not from the graph. */
  logits?: boolean | undefined;
  /**
   * Rows to go on from, in evaluation order, such as another run's tensors of the same tokens: a stage that they have rows for comes as llama.cpp
   * computed it, and is then overwritten with them, so that each stage starts from their inputs. Of a pass (`ubatch`, `steps`) they
   * have all rows or the last ones. A stage without given rows is left as it is, and so is what the mask hides of `kq`.
   */
  from?: AsyncIterable<Tensor> | undefined;
  /**
   * The stages that `from` has rows for, in each pass, where rows are computed from what this very run has made of the stages before: llama.cpp waits
   * at each of them for its rows, when all tensors before it have come. A tensor without positions leaves the stage as it is. Of a model that is
   * evaluated as a whole.
   */
  promised?: readonly Place[] | undefined;
  /**
   * Every stage of the vocabulary, captured or not, is rounded to this format (nearest, ties to even) before the next node is computed from it:
   * the run of a healthy engine in 16 bits. What comes as tensors is rounded. With `from`, stages without given rows go on rounded.
   */
  round?: RoundTo | undefined;
}

export interface ReferenceRun {
  /** In evaluation order. Read them to their end: llama.cpp waits while nobody does. */
  tensors: AsyncIterable<Tensor>;
  /**
   * `generated[0]` is the greedy token after the prompt, and step k is fed `generated[k - 1]` (or `forcedTokens[k - 1]`)
   * and gives `generated[k]`: there are steps + 1. `notes` says which nodes could not be captured, and which given rows fit none.
   */
  result: Promise<RunResult>;
}

export interface Reference {
  readonly info: {
    name: 'llama.cpp';
    version: string;
    mode: ReferenceMode;
    /** How the exact weights are evaluated, and why so; undefined of the native mode. */
    exact?: ExactWay | undefined;
    cpuVariant: string;
    /** The CPU builds that this machine can run, the one that ggml scores highest first. */
    cpuVariants: readonly string[];
    /** Name and description of what computes instead of the CPU. */
    device?: string | undefined;
    threads: number;
    /** Of the file that was given, also where the exact reference runs an F32 copy of it. */
    model: ModelInfo;
  };
  /** Of the process that llama.cpp runs in. */
  readonly pid: number | undefined;
  /** Text → ids. @throws CrashError where the vocabulary is broken */
  tokenize(text: string, options?: { addSpecial?: boolean; parseSpecial?: boolean }): Promise<number[]>;
  /** Ids → text. @param options.special spell out `<s>` and the like (default true) */
  detokenize(ids: readonly number[], options?: { special?: boolean }): Promise<string>;
  /** A user's message through the model's chat template, with the assistant's turn opened. Tokenise it with the defaults. */
  chat(prompt: string): Promise<string>;
  /**
   * What each node of the model's graph computes, from what, with which parameters; and which positions are hidden, as far as these tokens
   * show it. They are evaluated for that.
   */
  operations(options: Pick<RunOptions, 'tokens' | 'ubatch'>): Promise<readonly NodeOperation[]>;
  run(options: RunOptions): ReferenceRun;
  close(): Promise<void>;
}

/**
 * Starts llama.cpp in a child process and loads a model; for `exact` makes its F32 copy first (cached).
 *
 * @throws UnsupportedLibraryError, ModelError, QuantizeError, CrashError; whatever the signal says when it fires
 * @example
 * const reference = await openReference({ model: 'model.gguf', mode: 'exact' });
 * const run = reference.run({ tokens: await reference.tokenize('Hello') });
 * for await (const tensor of run.tensors) …
 */
export async function openReference(options: ReferenceOptions): Promise<Reference> {
  const { mode, signal, onProgress } = options;
  const paths = await checkModelFiles(options.model);
  const [model] = paths;
  const child = await openLibraries(
    { directory: options.libraries, cpuVariant: options.cpuVariant, device: options.device },
    { signal, onLog: progressFromLog('F32', onProgress) },
  );
  try {
    const { version, cpuVariant, cpuVariants, device } = child.library;
    const { allF32, blockwise, ...info } = await child.request('describe', { paths });
    const exact = mode === 'exact' ? chooseExactBy({ ...info, allF32, blockwise }, options.exactBy) : undefined;
    if (exact) onProgress?.(`the weights as F32: ${exact.why}`);
    const path =
      exact?.by !== 'whole' || allF32
        ? model
        : await quantizeWith(child, { model, type: 'F32', version, info, signal, onProgress });
    onProgress?.(`loading ${info.file}`);
    await child.request('load', {
      path,
      isExact: mode === 'exact',
      ...(exact?.by === 'block' && { blocks: paths }),
    });
    const threads = chooseThreads(info.parameters, options.threads, options.sparedCores);
    return new OpenReference(
      child,
      { name: 'llama.cpp', version, mode, exact, cpuVariant, cpuVariants, device, threads, model: info },
      options.contextLength,
    );
  } catch (error) {
    await child.close();
    throw error;
  }
}

/** What a model file says about itself, without loading its weights. */
export async function inspectModel(
  options: Pick<ReferenceOptions, 'model' | 'signal' | 'libraries'>,
): Promise<ModelInfo> {
  const paths = await checkModelFiles(options.model);
  const child = await openLibraries({ directory: options.libraries }, { signal: options.signal });
  try {
    const { allF32: _, blockwise: __, ...info } = await child.request('describe', { paths });
    return info;
  } finally {
    await child.close();
  }
}

class OpenReference implements Reference {
  /** Settles when the pipe is free for the next run's stream. */
  private pipe: Promise<unknown> = Promise.resolve();
  private unread = 0; // runs whose tensors are not all read

  constructor(
    private readonly child: Lease,
    readonly info: Reference['info'],
    private readonly contextLength: number | undefined,
  ) {}

  get pid(): number | undefined {
    return this.child.pid;
  }

  tokenize(text: string, { addSpecial = true, parseSpecial = true } = {}): Promise<number[]> {
    return this.child.request('tokenize', { text, addSpecial, parseSpecial });
  }

  detokenize(ids: readonly number[], { special = true } = {}): Promise<string> {
    return this.child.request('detokenize', { ids, special });
  }

  chat(prompt: string): Promise<string> {
    return this.child.request('chat', { prompt });
  }

  operations({ tokens, ubatch }: Pick<RunOptions, 'tokens' | 'ubatch'>): Promise<readonly NodeOperation[]> {
    return this.child.request('operations', { tokens, ...this.sizeOf(tokens.length, 0, ubatch) });
  }

  run({ tokens, layers, forcedTokens, logits = false, from, promised, round, ...rest }: RunOptions): ReferenceRun {
    const stages = rest.stages ?? (from ? [] : 'vocabulary');
    const steps = rest.steps ?? forcedTokens?.length ?? 0;
    const size = this.sizeOf(tokens.length, steps, rest.ubatch);
    const parameters = { tokens, steps, stages, layers, ...size, forcedTokens, logits, round, promised };
    const result = this.pipe.then(() =>
      from ? this.runFrom(from, parameters) : this.child.request('run', parameters),
    );
    const stream = this.pipe.then(() => readTensorStream(borrow(this.child.tensors), 'llama.cpp'));
    const { promise, resolve } = deferred();
    this.pipe = promise;
    this.unread++;
    void promise.then(() => this.unread--);
    result.catch(() => {}); // whoever reads only the tensors gets the error there
    stream.catch(() => {}); // and where nobody reads them there is none
    const all = tensorsOf(stream, result, resolve);
    if (stages.length > 0 || logits || from) return { tensors: all, result };
    void drain(all); // there is nothing to wait for, so nobody needs to
    return { tensors: nothing(result), result };
  }

  /** How much is evaluated at once, and in all. */
  private sizeOf(prompt: number, steps: number, most = Number.POSITIVE_INFINITY) {
    // Never more than the model was trained for: beyond it llama.cpp computes on, and what it computes means nothing.
    const { trainedContext } = this.info.model;
    const contextLength =
      this.contextLength ?? Math.min(roundUp(prompt + steps, 256), trainedContext || Number.POSITIVE_INFINITY);
    return { ubatch: Math.min(most, Math.max(1, prompt)), contextLength, threads: this.info.threads };
  }

  /** A run whose given rows are sent as it goes. @throws what the rows throw */
  private async runFrom(from: AsyncIterable<Tensor>, parameters: RunParameters): Promise<RunResult> {
    const number = this.child.nextGiven();
    const running = this.child.request('run', { ...parameters, from: number });
    const ended = running.then(
      () => {},
      () => {},
    );
    const [sent, result] = await Promise.allSettled([sendGiven(from, this.child.given, number, ended), running]);
    if (sent.status === 'rejected') throw sent.reason; // the child only knows that there was something
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }

  async close(): Promise<void> {
    await this.child.close({ isBusy: this.unread > 0 });
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')](): Promise<void> {
    return this.close();
  }
}

/** The tensors of one run. Leaving early reads the rest, so that the next run's stream begins at its beginning. */
async function* tensorsOf(
  stream: Promise<AsyncGenerator<Tensor>>,
  result: Promise<RunResult>,
  done: () => void,
): AsyncGenerator<Tensor> {
  const tensors = await stream;
  let whole = false;
  try {
    for (;;) {
      const next = await tensors.next();
      if (next.done) break;
      yield next.value;
    }
    whole = true;
  } catch (error) {
    await result; // a dead child breaks the stream: say why it died
    throw error;
  } finally {
    if (!whole) await drain(tensors);
    done();
  }
  await result;
}

function nothing(result: Promise<RunResult>): AsyncIterable<Tensor> {
  const next = () => result.then(() => ({ done: true as const, value: undefined }));
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

async function drain(tensors: AsyncGenerator<Tensor>): Promise<void> {
  try {
    while (!(await tensors.next()).done);
  } catch {
    // the process is gone, and with it the rest
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
