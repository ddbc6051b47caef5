import type { GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import { Clock, onClock } from '../clock.js';
import { KeptTwin } from '../floors/kept-twin.js';
import type { ChosenMode } from '../model.js';
import { readUnlessLlama } from '../model-graph.js';
import type { Progress } from '../progress.js';
import type { Side } from '../side.js';
import { llamaSide } from '../sides/llama.js';
import { type LlamaAsk, openLlama, orClose } from '../sides/open.js';

/** llama.cpp on this machine, as the reference. */
export interface TextReference {
  readonly reference: Reference;
  readonly chosen: ChosenMode;
  readonly side: Side;
  /** What its floors are measured by: those of the logits, and of the stages of each closer look. */
  readonly twin: KeptTwin;
}

/** llama.cpp, opened when it is first asked for: where the log-probabilities come from a file it may never be. */
export class LazyReference {
  private opening: Promise<TextReference> | undefined;

  constructor(
    private readonly file: GgufFile,
    private readonly ask: LlamaAsk,
    private readonly progress: Progress,
    private readonly signal: AbortSignal,
    private readonly clock = new Clock(),
  ) {}

  get(): Promise<TextReference> {
    this.opening ??= this.clock.during('loading', () => this.open());
    return this.opening;
  }

  async close(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined);
    await opened?.twin.close();
    await opened?.reference.close();
  }

  private async open(): Promise<TextReference> {
    const { file } = this;
    const { reference, chosen } = await openLlama(file, this.ask, this.progress, this.signal, 1); // the candidate computes beside it
    const graph = await orClose(reference, readUnlessLlama(reference, file));
    const twin = new KeptTwin(reference, file, this.signal);
    const side = onClock(llamaSide(reference, file, chosen, graph, twin), 'llama', this.clock);
    return { reference, chosen, twin, side };
  }
}
