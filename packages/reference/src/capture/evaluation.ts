import koffi from 'koffi';
import { LlamaCppError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { EvalCallback } from '../library/structs.js';

const F32 = 0;
const FLASH_ATTENTION_OFF = 0;

/** Who is shown every node: asked first whether it is wanted, then shown it when it was computed. */
interface Seer {
  evaluate(address: Pointer, ask: boolean): boolean;
}

/** How much there is to evaluate, and with how many threads. */
interface Size {
  readonly ubatch: number;
  readonly contextLength: number;
  readonly threads: number;
}

/** A context of llama.cpp, with whoever looks on. Free it when done. */
export class Evaluation {
  private readonly callback: Pointer | null;
  private readonly context: Pointer;
  private readonly batch: BatchMemory;
  private failure: unknown;

  /** @param seer may be exchanged between two passes; without one llama.cpp runs unwatched */
  constructor(
    private readonly library: LlamaLibrary,
    model: Pointer,
    size: Size,
    public seer?: Seer,
  ) {
    // An exception must not unwind through C: keep it, stop the graph, throw it afterwards.
    const show = (node: Pointer, ask: boolean): boolean => {
      if (this.failure || !this.seer) return ask; // llama.cpp stops at a wanted node that is refused
      try {
        return this.seer.evaluate(node, ask);
      } catch (error) {
        this.failure = error;
        return ask;
      }
    };
    this.callback = seer ? koffi.register(show, koffi.pointer(EvalCallback)) : null;
    this.context = createContext(library, model, size, this.callback);
    this.batch = new BatchMemory(size.ubatch);
  }

  /** Evaluates these tokens at the positions from `first` on. */
  decode(ids: readonly number[], first: number): void {
    const status: number = this.library.llama_decode(this.context, this.batch.fill(ids));
    if (this.failure) throw this.failure;
    if (status !== 0) {
      throw new LlamaCppError(
        'decode-failed',
        `llama.cpp could not evaluate ${ids.length} tokens at position ${first} (status ${status}). It says:\n{log}`,
      );
    }
  }

  /** As if nothing had been evaluated. */
  clearCache(): void {
    const memory: Pointer | null = this.library.llama_get_memory(this.context);
    if (memory) this.library.llama_memory_clear(memory, true);
  }

  /** @param width how many the vocabulary has */
  lastLogits(width: number): Float32Array {
    const address: Pointer | null = this.library.llama_get_logits_ith(this.context, -1);
    if (!address)
      throw new LlamaCppError('logits-missing', 'llama.cpp gave no logits for the last token. It says:\n{log}');
    const logits = new Float32Array(width);
    this.library.memcpy(new Uint8Array(logits.buffer), address, logits.byteLength);
    return logits;
  }

  free(): void {
    this.batch.free();
    this.library.llama_free(this.context);
    if (this.callback !== null) koffi.unregister(this.callback);
  }
}

function createContext(
  library: LlamaLibrary,
  model: Pointer,
  { ubatch, threads, contextLength }: Size,
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
    offload_kqv: library.device !== undefined,
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
