import type { GgufFile } from '@llama-probe/engine';
import type { Looking } from '../asked.js';
import { onClock } from '../clock.js';
import { exactFits } from '../model.js';
import type { Side } from '../side.js';
import type { LlamaOptions } from '../sides/llama.js';

/** Who says what is right of a recorded candidate's inputs, or why nobody can. */
export type Judge = { readonly side: Side } | { readonly why: string };

/** llama.cpp twice, each in a process of its own, as the reference was computed: of the one, runs are rounded. */
export interface Twins {
  readonly plain: Side;
  readonly rounded: Side;
}

/** Opened when something is wrong. Close it when done. */
export class OpenJudge {
  private llama: Side | undefined;
  private second: Side | undefined;

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
    const { model } = this;
    if (!model) return undefined;
    const mode = reference.about.mode === 'native' ? 'native' : 'exact';
    try {
      // Computed otherwise it could not be held to the reference's floors.
      const room = mode === 'exact' && (await exactFits(model));
      if (room && !room.fits) return { why: room.why };
      this.llama ??= await this.load(model.path, { mode });
      return { side: this.llama };
    } catch (error) {
      return this.why(error);
    }
  }

  /** Who says what an engine in 16 bits makes of the same tokens. @returns why nobody does */
  async openTwins(reference: Side): Promise<Twins | { readonly why: string }> {
    const judge = await this.open(reference);
    if (!judge) return { why: 'it takes llama.cpp on the model, which --model gives' };
    if ('why' in judge) return judge;
    const { side: plain } = judge;
    const { file, about } = plain;
    if (!plain.canRound || !file) return { why: `${about.name} cannot round its stages` };
    const mode = about.mode === 'native' ? 'native' : 'exact';
    const build = about.cpuVariant === undefined ? {} : { cpuVariant: about.cpuVariant };
    try {
      this.second ??= await this.load(file.path, { mode, ...build });
      return { plain, rounded: this.second };
    } catch (error) {
      return this.why(error);
    }
  }

  private async load(path: string, options: Pick<LlamaOptions, 'mode' | 'cpuVariant'>): Promise<Side> {
    const { progress, signal, clock } = this.looking;
    const side = await clock.during('loading', async () => {
      const { llama } = await import('../sides/llama.js');
      return llama(path, { ...options, progress, signal });
    });
    return onClock(side, 'llama', clock);
  }

  /** What is no mistake of ours is a reason. */
  private why(error: unknown): { readonly why: string } {
    this.looking.signal.throwIfAborted();
    const { code, message } = error as { code?: unknown; message: string };
    if (typeof code !== 'string') throw error;
    return { why: message };
  }

  async close(): Promise<void> {
    await Promise.all([this.llama?.close(), this.second?.close()]);
  }
}
