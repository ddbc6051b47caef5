import { type OpenedSides, type OpenSides, openSides, type Recorder } from '@llama-probe/comparison';
import type { Progress } from '@llama-probe/comparison/ask';
import type { LastLogits } from './last-logits.js';

/** What a case is run with. */
export interface Run {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Takes a closer look, for a page. */
  readonly recorder: Recorder | undefined;
  /** Keeps the logits after the prompt, where somebody asks what quantising costs. */
  readonly logits: LastLogits | undefined;
  readonly sides: KeptSides;
}

/** Keeps the sides of a case open for the next one of the same model: weights are read and uploaded once. */
export class KeptSides {
  private kept: { readonly key: string; readonly sides: OpenedSides } | undefined;

  readonly open: OpenSides = async (options, progress, signal, clock) => {
    const { model, quantize, imatrix, reference, exactBy, adapter, stream } = options;
    const key = JSON.stringify([model, quantize, imatrix, reference, exactBy, adapter, stream]);
    if (this.kept?.key !== key) {
      await this.close();
      this.kept = { key, sides: await openSides(options, progress, signal, clock) };
    }
    return { ...this.kept.sides, close: async () => {} };
  };

  /** Closes them: in the end, before something else needs the memory, and after a failure, which may have left them in any state. */
  async close(): Promise<void> {
    const { kept } = this;
    this.kept = undefined;
    await kept?.sides.close();
  }
}
