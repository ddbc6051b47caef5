import type { Capture } from '../capture/capture.js';
import { setParameter } from '../capture/node.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import type { Parts } from './parts.js';

/** The residual stream of one pass between two blocks: (tokens, width). */
export type Stream = Float32Array;

/**
 * Sees the graph of one block evaluated as a block of the model: it begins from the stream that the block before left, and leaves its own. Behind it
 * llama.cpp stops.
 */
export class BlockSeer {
  private index = -1;
  private isCaptured = false;

  /** @param capture undefined where nothing is watched @param queryScale what Q is scaled with, where the graph has another number */
  constructor(
    private readonly library: LlamaLibrary,
    private readonly parts: Parts,
    private readonly layer: number,
    private readonly stream: Stream,
    private readonly capture: Capture | undefined,
    private readonly queryScale: number | undefined,
  ) {}

  evaluate(address: Pointer, ask: boolean): boolean {
    return ask ? this.ask(address) : this.show(address);
  }

  private ask(address: Pointer): boolean {
    this.index++;
    const { index, layer, capture } = this;
    const { entry, exit } = this.parts;
    if (index === this.parts.queryScale && this.queryScale !== undefined) setParameter(address, this.queryScale);
    this.isCaptured = false;
    if (layer > 0 && index <= entry) return index === entry; // the embedding is computed, and is nobody's
    this.isCaptured = index <= exit && (capture?.evaluate(address, true) ?? false);
    return this.isCaptured || index === exit;
  }

  private show(address: Pointer): boolean {
    const { index, layer, stream, capture, library } = this;
    const { entry, exit } = this.parts;
    if (this.isCaptured) capture?.evaluate(address, false);
    if (layer > 0 && index === entry) {
      library.ggml_backend_tensor_set(address, stream, 0, stream.byteLength);
      capture?.goOn(layer, address);
    }
    if (index !== exit) return true;
    library.ggml_backend_tensor_get(address, stream, 0, stream.byteLength);
    return false;
  }
}

/** Sees the same graph evaluated for its head: whatever the block computes, the head goes on from the stream that the last block left. */
export class HeadSeer {
  private index = -1;

  constructor(
    private readonly library: LlamaLibrary,
    private readonly parts: Parts,
    private readonly stream: Stream,
    private readonly capture: Capture | undefined,
  ) {}

  evaluate(address: Pointer, ask: boolean): boolean {
    const { exit } = this.parts;
    if (ask) this.index++;
    if (this.index < exit) return false;
    if (this.index > exit) return this.capture?.evaluate(address, ask) ?? !ask;
    if (!ask) this.library.ggml_backend_tensor_set(address, this.stream, 0, this.stream.byteLength);
    return true;
  }
}
