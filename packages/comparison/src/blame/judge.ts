import { type GgufFile, openGguf } from '@llama-probe/engine';
import type { Looking } from '../asked.js';
import { exactFits, parameters } from '../model.js';
import type { Side } from '../side.js';
import { llama } from '../sides/llama.js';

/** Who says what is right of a recorded candidate's inputs, or why nobody can. */
export type Judge = { readonly side: Side } | { readonly why: string };

/** Opened when something is wrong. Close it when done. */
export class OpenJudge {
  private llama: Side | undefined;

  constructor(
    private readonly model: GgufFile | undefined,
    private readonly looking: Looking,
  ) {}

  /**
   * The reference, where it can go on from other rows; else llama.cpp on the model, as it computed the reference.
   *
   * @returns undefined where there is no model either
   */
  async open(reference: Side): Promise<Judge | undefined> {
    if (reference.canStartFrom) return { side: reference };
    const { model, looking } = this;
    if (!model) return undefined;
    const { progress, signal } = looking;
    const mode = reference.about.mode === 'native' ? 'native' : 'exact';
    try {
      const file = await openGguf(model.path);
      // Computed otherwise it could not be held to the reference's floors.
      const room = mode === 'exact' && (await exactFits({ parameters: parameters(file) }));
      if (room && !room.fits) return { why: room.why };
      this.llama ??= await llama(model.path, { mode, progress, signal });
      return { side: this.llama };
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = error as { code?: unknown; message: string };
      if (typeof code !== 'string') throw error;
      return { why: message };
    }
  }

  async close(): Promise<void> {
    await this.llama?.close();
  }
}
