import { chooseModel, openLlama, type Report } from '@llama-probe/comparison';
import type { Note } from '@llama-probe/comparison/ask';
import { compareLogits, type RowPair } from '@llama-probe/diff';
import type { ReferenceMode } from '@llama-probe/reference';
import type { GateCase } from '../config/case.js';
import type { Run } from './run.js';

/** How far a candidate on requantised weights is from llama.cpp on the file as it was, in the logits after the prompt. */
export interface QuantizedCost {
  /** KL(llama.cpp on the file as it was ‖ candidate), in nats. */
  readonly klDivergence: number;
  readonly top1Agree: boolean;
}

/**
 * What quantising costs. What llama.cpp makes of the file as it is, it is not asked twice: a case without a requantisation tells it, and
 * else it is run once for each model and prompt.
 */
export class QuantizedCosts {
  private readonly known = new Map<string, Float32Array>();

  /**
   * null where the case requantises nothing, and where no reference has run. It is beside the question: where llama.cpp cannot run, the
   * case has its verdict all the same, and a note.
   *
   * @param row both sides' logits after the prompt
   */
  async of(
    one: Pick<GateCase, 'work'>,
    report: Pick<Report, 'reference' | 'tokens'>,
    row: RowPair | undefined,
    run: Run,
  ): Promise<{ readonly quantized: QuantizedCost | null; readonly notes: readonly Note[] }> {
    try {
      return { quantized: await this.tell(one, report, row, run), notes: [] };
    } catch (error) {
      run.signal.throwIfAborted();
      const { code, message } = error as { code?: unknown; message?: string };
      if (typeof code !== 'string') throw error; // a bug of ours
      const text = `What quantising costs cannot be told, for llama.cpp on the file as it is: ${message}`;
      return { quantized: null, notes: [{ level: 'warning', text }] };
    }
  }

  private async tell(
    { work }: Pick<GateCase, 'work'>,
    report: Pick<Report, 'reference' | 'tokens'>,
    row: RowPair | undefined,
    run: Run,
  ): Promise<QuantizedCost | null> {
    const { mode } = report.reference;
    if (work.kind !== 'engine' || !row || (mode !== 'exact' && mode !== 'native')) return null;
    const { model, quantize, exactBy } = work.options;
    const tokens = report.tokens.slice(0, row.token + 1);
    const key = JSON.stringify([model, mode, tokens]);
    if (quantize === undefined) {
      this.known.set(key, row.reference);
      return null;
    }
    const known = this.known.get(key) ?? (await logitsOf({ model, mode, exactBy }, tokens, run));
    this.known.set(key, known);
    if (known.length !== row.candidate.length) return null;
    const { klDivergence, top1Agree } = compareLogits(row.candidate, known);
    return { klDivergence, top1Agree };
  }
}

interface Unquantized {
  readonly model: string | undefined;
  readonly mode: ReferenceMode;
  readonly exactBy: 'auto' | 'whole' | 'block' | undefined;
}

/** llama.cpp's logits behind the tokens. */
async function logitsOf(
  { model, mode, exactBy }: Unquantized,
  tokens: readonly number[],
  { sides, progress, signal }: Run,
): Promise<Float32Array> {
  await sides.close(); // it may need the memory
  progress.say('running llama.cpp on the file as it was, for what quantising costs');
  const file = await chooseModel(model === undefined ? {} : { model }, progress, signal);
  const { reference } = await openLlama(file, { reference: mode, exactBy }, progress, signal);
  try {
    let last = new Float32Array();
    const run = reference.run({ tokens, steps: 0, stages: [], logits: true });
    for await (const { values, width } of run.tensors) last = values.slice(-width);
    await run.result;
    return last;
  } finally {
    await reference.close();
  }
}
