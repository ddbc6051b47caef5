import type { Pass, Watcher } from '@llama-probe/comparison';
import type { RowPair, StageResult } from '@llama-probe/diff';

/** Keeps both sides' logits after the prompt. */
export class LastLogits implements Watcher {
  row: RowPair | undefined;

  begin(): void {
    this.row = undefined;
  }

  stage(pass: Pass, { stage, step }: StageResult, rows: readonly RowPair[]): void {
    const last = rows.at(-1);
    if (pass !== 'free' || stage !== 'result_output' || step !== 0 || !last) return;
    const { token, candidate, reference } = last;
    this.row = { token, candidate: candidate.slice(), reference: reference.slice() };
  }
}
