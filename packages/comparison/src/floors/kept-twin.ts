import type { GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import { type ChosenTwin, openTwin, twinOf } from './choose.js';

/** What a reference's floor is measured by, of one that has several measured: opened when it is first needed, and closed with the reference. */
export class KeptTwin {
  private chosen: Promise<ChosenTwin | undefined> | undefined;
  private opening: Promise<Reference> | undefined;

  constructor(
    private readonly reference: Reference,
    private readonly file: GgufFile,
    private readonly signal: AbortSignal,
  ) {}

  /** @returns undefined where this machine runs no other llama.cpp than the reference */
  choice(): Promise<ChosenTwin | undefined> {
    this.chosen ??= twinOf(this.reference, this.file);
    return this.chosen;
  }

  open(twin: ChosenTwin, say: (message: string) => void): Promise<Reference> {
    this.opening ??= openTwin(this.reference, this.file, twin, say, this.signal);
    return this.opening;
  }

  async close(): Promise<void> {
    await (await this.opening?.catch(() => undefined))?.close();
  }
}
