import { TensorStreamWriter } from '@llama-probe/dump';
import koffi from 'koffi';
import { LlamaCppError, ModelError, PromptError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { EvalCallback } from '../library/structs.js';
import { checkTokens } from '../model/vocabulary.js';
import { GivenReader } from '../process/given-frames.js';
import { FROM_PIPE, type RunParameters, type RunResult, TENSOR_PIPE } from '../process/protocol.js';
import { Capture } from './capture.js';
import { type KnownGraph, Look } from './look.js';
import { Replacement } from './replace.js';

const F32 = 0;
const FLASH_ATTENTION_OFF = 0;

/** Evaluates a prompt and `steps` greedy steps, and streams what was asked for to TENSOR_PIPE as one Arrow stream. */
export function run(library: LlamaLibrary, model: Pointer, parameters: RunParameters): RunResult {
  // Whatever happens there is a stream, and it ends: the parent reads one for every run.
  const stream = new TensorStreamWriter(TENSOR_PIPE);
  try {
    return evaluate(library, model, parameters, stream);
  } finally {
    stream.close();
  }
}

function evaluate(
  library: LlamaLibrary,
  model: Pointer,
  parameters: RunParameters,
  stream: TensorStreamWriter,
): RunResult {
  const vocabularySize: number = library.llama_vocab_n_tokens(library.llama_model_get_vocab(model));
  check(library, model, parameters, vocabularySize);
  const { tokens, steps, ubatch, stages, forcedTokens, logits, from } = parameters;
  const selects = typeof stages === 'string' || stages.length > 0;
  const captures = selects || from !== undefined;
  const given = from === undefined ? undefined : new GivenReader(FROM_PIPE, from);
  const replacement = given && new Replacement(library, () => given.next());
  const capture = new Capture(library, parameters, (tensor) => stream.write(tensor), replacement);
  let seer: Look | Capture = capture;
  let failure: unknown;
  // An exception must not unwind through C: keep it, stop the graph, throw it afterwards.
  const show = (node: Pointer, ask: boolean): boolean => {
    if (failure) return ask; // llama.cpp stops at a wanted node that is refused
    try {
      return seer.evaluate(node, ask);
    } catch (error) {
      failure = error;
      return ask;
    }
  };
  const callback = captures ? koffi.register(show, koffi.pointer(EvalCallback)) : null;
  const context = createContext(library, model, parameters, callback);
  const batch = new BatchMemory(ubatch);
  try {
    const generated: number[] = [];
    const started = performance.now();
    const evaluateGraph = (ids: readonly number[], first: number) => {
      const status: number = library.llama_decode(context, batch.fill(ids));
      if (failure) throw failure;
      if (status !== 0) {
        throw new LlamaCppError(
          'decode-failed',
          `llama.cpp could not evaluate ${ids.length} tokens at position ${first} (status ${status}). It says:\n{log}`,
        );
      }
    };
    const graphs = new Map<number, KnownGraph>(); // by the number of tokens
    if (replacement) {
      for (const count of batchSizes(tokens.length, ubatch, steps)) {
        const look = new Look(library);
        seer = look;
        evaluateGraph(tokens.slice(0, count), 0);
        graphs.set(count, look.known(count));
        clearCache(library, context);
      }
      seer = capture;
    }
    const decode = (ids: readonly number[], first: number, step: number) => {
      capture.begin(step, first, ids.length, graphs.get(ids.length));
      evaluateGraph(ids, first);
      if (captures) capture.end();
    };
    /** The token that the last row chooses. Without the callback there is nothing else that could tell its logits. */
    const choose = (step: number) => {
      const values = lastLogits(library, context, vocabularySize);
      generated.push(highest(values));
      if (!logits) return;
      const position = tokens.length + step - 1;
      const at = { step, order: step, layer: null, stage: 'result_output', positions: Int32Array.of(position) };
      stream.write({ ...at, width: vocabularySize, values });
    };
    for (let first = 0; first < tokens.length; first += ubatch) {
      decode(tokens.slice(first, first + ubatch), first, 0);
    }
    choose(0);
    for (let step = 1; step <= steps; step++) {
      const id = forcedTokens ? (forcedTokens[step - 1] as number) : (generated[step - 1] as number);
      decode([id], tokens.length + step - 1, step);
      choose(step);
    }
    const milliseconds = performance.now() - started;
    replacement?.end();
    const missing = typeof stages === 'string' ? [] : stages.filter((stage) => !capture.delivered.has(stage));
    if (selects && capture.delivered.size === 0) {
      throw new PromptError(
        'stages-unknown',
        `no node of this model is ${missing.join(' or ')} in the layers asked for. It has ${[...capture.existing].join(', ')}.`,
      );
    }
    const notes = [
      ...capture.notes,
      ...(replacement?.notes ?? []),
      ...missing.map((stage) => `no node of this model is ${stage}`),
    ];
    return { generated, milliseconds, notes };
  } finally {
    batch.free();
    library.llama_free(context);
    if (callback !== null) koffi.unregister(callback);
  }
}

/** How many tokens are evaluated at once in a run: each number once. */
function batchSizes(tokens: number, ubatch: number, steps: number): Set<number> {
  const whole = tokens >= ubatch ? [ubatch] : [];
  const rest = tokens % ubatch > 0 ? [tokens % ubatch] : [];
  return new Set([...whole, ...rest, ...(steps > 0 ? [1] : [])]);
}

/** As if nothing had been evaluated. */
function clearCache(library: LlamaLibrary, context: Pointer): void {
  const memory: Pointer | null = library.llama_get_memory(context);
  if (memory) library.llama_memory_clear(memory, true);
}

function check(library: LlamaLibrary, model: Pointer, parameters: RunParameters, vocabularySize: number): void {
  const { tokens, steps, ubatch, contextLength, forcedTokens } = parameters;
  for (const [name, value, least] of [
    ['steps', steps, 0],
    ['ubatch', ubatch, 1],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new PromptError('run-option', `${name} is ${value}; wanted a whole number of at least ${least}.`);
    }
  }
  if (!library.llama_model_has_decoder(model)) {
    throw new ModelError(
      'model-no-decoder',
      'this model has no decoder, so it makes no logits token by token. Only decoder models can be run.',
    );
  }
  if (tokens.length === 0) {
    throw new PromptError(
      'tokens-empty',
      'there are no tokens to run: the prompt is empty and the model adds no token of its own. Give a longer prompt.',
    );
  }
  checkTokens(tokens, vocabularySize);
  if (forcedTokens) {
    checkTokens(forcedTokens, vocabularySize);
    if (forcedTokens.length < steps) {
      throw new PromptError(
        'steps',
        `${steps} steps were asked for with ${forcedTokens.length} forced tokens; every step needs one.`,
      );
    }
  }
  if (tokens.length + steps > contextLength) {
    throw new PromptError(
      'context-too-small',
      `${tokens.length} tokens and ${steps} steps do not fit a context of ${contextLength}. Give a shorter prompt, fewer steps, or a longer context.`,
    );
  }
}

function createContext(
  library: LlamaLibrary,
  model: Pointer,
  { ubatch, threads, contextLength }: RunParameters,
  callback: Pointer | null,
): Pointer {
  const context = library.llama_init_from_model(model, {
    ...library.llama_context_default_params(),
    n_ctx: contextLength,
    n_batch: ubatch,
    n_ubatch: ubatch,
    n_outputs_max_per_seq: 0,
    n_threads: threads,
    n_threads_batch: threads,
    flash_attn_type: FLASH_ATTENTION_OFF,
    type_k: F32,
    type_v: F32,
    cb_eval: callback,
    offload_kqv: false,
    op_offload: false,
  });
  if (!context) {
    throw new LlamaCppError(
      'context-failed',
      `llama.cpp could not make a context of ${contextLength} tokens with batches of ${ubatch}. It says:\n{log}`,
    );
  }
  return context;
}

function lastLogits(library: LlamaLibrary, context: Pointer, vocabularySize: number): Float32Array {
  const address: Pointer | null = library.llama_get_logits_ith(context, -1);
  if (!address)
    throw new LlamaCppError('logits-missing', 'llama.cpp gave no logits for the last token. It says:\n{log}');
  const logits = new Float32Array(vocabularySize);
  library.memcpy(new Uint8Array(logits.buffer), address, logits.byteLength);
  return logits;
}

/** The id of the largest logit; the lowest id of equal ones, as llama.cpp's greedy sampler. */
function highest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) {
    if ((logits[id] as number) > (logits[best] as number)) best = id;
  }
  return best;
}

/** Memory for a llama_batch whose tokens all are outputs; positions continue by themselves. */
class BatchMemory {
  private readonly tokenAddress: Pointer;
  private readonly outputAddress: Pointer;
  private readonly tokens: Int32Array;

  constructor(size: number) {
    this.tokenAddress = koffi.alloc('int32', size);
    this.outputAddress = koffi.alloc('int8', size);
    this.tokens = new Int32Array(koffi.view(this.tokenAddress, 4 * size));
    new Int8Array(koffi.view(this.outputAddress, size)).fill(1);
  }

  fill(ids: readonly number[]): object {
    this.tokens.set(ids);
    return {
      n_tokens: ids.length,
      token: this.tokenAddress,
      embd: null,
      pos: null,
      n_seq_id: null,
      seq_id: null,
      logits: this.outputAddress,
    };
  }

  free(): void {
    koffi.free(this.tokenAddress);
    koffi.free(this.outputAddress);
  }
}
