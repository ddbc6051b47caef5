import type { Place } from '@llama-probe/dump/stage';
import { caseOf, isInner, type StageOperation, weightName } from '@llama-probe/oracle';
import { ReproError } from '../errors.js';
import type { Builder } from './builder.js';
import { count, counts, real } from './recipe.js';

/** What a token does among experts, each by the ids that the router chose. @param columns of the operation's rows; all of them without it */
export function ofExperts(
  operation: StageOperation,
  columns: readonly number[] | undefined,
  { c, inputs, rows, input, call, weight }: Builder,
): string {
  const [first, second] = operation.inputs as [Place | StageOperation, Place | StageOperation];
  switch (operation.op) {
    case 'sigmoid':
      return call('sigmoid', [input(first, columns)]);
    case 'clamp': {
      const [low, high] = (operation.bounds ?? []).map((bound) => Math.max(-MOST, Math.min(bound, MOST)));
      return call('clamp', [input(first, columns)], { low: real(low ?? -MOST), high: real(high ?? MOST) });
    }
    case 'row-sum':
      return call('sum_of_row', [input(first)]);
    case 'quotient':
      return call('over_row', [input(first, columns), input(second)]);
    case 'chosen': {
      const places = kept(columns, chosen());
      return call('pick', [input(first)], { places: counts(rows.flatMap((row) => places.map((at) => id(row, at)))) });
    }
    case 'expert-product': {
      const name = weightName(caseOf(c, operation)) as string;
      const all = weight(name);
      const { columns: outputs, picked, own } = pickedFrom(all.rows / (operation.experts ?? 1));
      const isShared = isInner(first) || (c.inputs[first.stage]?.length ?? 0) === c.rows * all.columns;
      const parts = outputs.map(({ place }) => (isShared ? 0 : place));
      const matrices = [input(first), inputs.matrix(name, all, own)];
      return call('mat_mul_of_experts', matrices, { picked: counts(picked), parts: counts(parts) });
    }
    case 'expert-bias': {
      const name = `${c.layer === null ? '' : `blk.${operation.layer}.`}${operation.weight}.bias`;
      const all = weight(name);
      const { picked, own } = pickedFrom((all.rows * all.columns) / (operation.experts ?? 1));
      return call('add_picked', [input(first, columns), inputs.vector(name, all, own)], { picked: counts(picked) });
    }
    case 'bounded-unit': {
      const { alpha = 1, limit = MOST } = operation.bounded ?? {};
      const values = { alpha: real(alpha), limit: real(Math.min(limit, MOST)) };
      return call('swiglu_oai', [input(first, columns), input(second, columns)], values);
    }
    case 'expert-sum': {
      const { count: parts = 1 } = operation;
      const width = isInner(first) ? undefined : (c.inputs[first.stage]?.length ?? 0) / c.rows / parts;
      const of = width === undefined ? undefined : kept(columns, width);
      const all = of && Array.from({ length: parts }, (_, part) => of.map((column) => part * (width ?? 0) + column));
      return call('sum_of_parts', [input(first, all?.flat())], { parts: count(parts) });
    }
    default:
      throw new Error(`${operation.op} is not of experts.`);
  }

  /** How many experts each token goes through. */
  function chosen(): number {
    return (isInner(second) ? 0 : (c.inputs[second.stage]?.length ?? 0)) / c.rows;
  }

  function id(row: number, place: number): number {
    const found = isInner(second) ? Number.NaN : (c.inputs[second.stage]?.[row * chosen() + place] as number);
    if (Number.isInteger(found) && found >= 0) return found;
    throw new ReproError(
      'repro-inputs',
      `${operation.stage}: the expert at place ${place} of row ${row} is ${found}, which is no id. See what chose it first: --stage ${second.stage}.`,
    );
  }

  /** Which of a weight's values belong to the columns that are kept, row by row, and which they are within those that are kept of it. */
  function pickedFrom(width: number) {
    const outputs = kept(columns, chosen() * width).map((column) => ({
      place: Math.floor(column / width),
      output: column % width,
    }));
    const all = rows.flatMap((row) => outputs.map(({ place, output }) => id(row, place) * width + output));
    const own = [...new Set(all)].sort((a, b) => a - b);
    const at = new Map(own.map((one, i) => [one, i]));
    return { columns: outputs, picked: all.map((one) => at.get(one) as number), own };
  }
}

/** What every language can write down, and nothing reaches. */
const MOST = 1e300;

const kept = (columns: readonly number[] | undefined, width: number): readonly number[] =>
  columns ?? Array.from({ length: width }, (_, i) => i);

/** Whether an operation chooses by ids, which have to be rows of the run. */
export const takesIds = ({ op }: Pick<StageOperation, 'op'>): boolean =>
  op === 'chosen' || op === 'expert-product' || op === 'expert-bias';
