import type { CaseModel } from '../case.js';
import { isInner, type StageOperation } from '../stage-operations.js';

/** An operation, and all that are computed on the way to it, the last first. */
export function* onTheWay(operation: StageOperation): Generator<StageOperation> {
  yield operation;
  for (const input of operation.inputs) if (isInner(input)) yield* onTheWay(input);
}

/** Whether the file has every weight that an operation reads, and all on the way to it, in a type that the oracle reads. */
export const hasWeights = (operation: StageOperation, model: CaseModel): boolean =>
  [...onTheWay(operation)].every(({ op, weight, sinks, layer }) => {
    const name = weight && `${layer === null ? '' : `blk.${layer}.`}${weight}.${op === 'bias' ? 'bias' : 'weight'}`;
    return [name, sinks].every((one) => one === undefined || model.weight(one) !== undefined);
  });

/** A norm of Q or K, from before its root mean square to after its weight. */
export interface HeadNorm {
  /** The rows that it takes. */
  readonly from: StageOperation['inputs'][number];
  readonly rms: StageOperation;
  readonly weight: StageOperation;
}

/** The norm of Q or K that is computed on the way to an operation, or is it; undefined where there is none. */
export function headNormOf(operation: StageOperation): HeadNorm | undefined {
  for (const weight of onTheWay(operation)) {
    const [rms] = weight.inputs;
    const isOfHeads = weight.op === 'mul' && /^attn_[qk]_norm$/.test(weight.weight ?? '');
    if (!isOfHeads || !rms || !isInner(rms) || rms.op !== 'rms-norm') continue;
    const [from] = rms.inputs;
    if (from) return { from, rms, weight };
  }
  return undefined;
}
