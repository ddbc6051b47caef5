import type { TensorReport } from './report.js';
import type { Statistics } from './statistics.js';

/** A line of the table: a tensor, or one of every layer where all of them are alike. */
export interface Row extends Pick<TensorReport, 'name' | 'type' | 'shape' | 'engine' | 'hash'> {
  readonly count: number;
  readonly statistics: Statistics | null;
}

/** From how many tensors on layers are shown together. */
const MANY = 40;

/** The lines of a table. Few tensors have one each, of many those of all layers that have one type, one shape and nothing wrong have one. */
export function rowsOf(tensors: readonly TensorReport[]): Row[] {
  if (tensors.length < MANY) return tensors.map((tensor) => ({ ...tensor, count: 1 }));
  const groups = new Map<string, TensorReport[]>();
  for (const tensor of tensors) {
    const family = tensor.name.replace(/^blk\.\d+\./, 'blk.*.');
    const key = isRemarkable(tensor) ? tensor.name : `${family} ${tensor.type} ${tensor.shape.join()} ${tensor.engine}`;
    groups.set(key, [...(groups.get(key) ?? []), tensor]);
  }
  return [...groups.values()].map(together);
}

const isRemarkable = ({ engine, statistics }: TensorReport): boolean =>
  engine === 'differs' || (statistics !== null && (statistics.firstBad !== null || statistics.loud !== null));

function together(tensors: readonly TensorReport[]): Row {
  const [first] = tensors as readonly [TensorReport];
  if (tensors.length === 1) return { ...first, count: 1 };
  const all = tensors.flatMap(({ statistics }) => (statistics ? [statistics] : []));
  const mean = (of: (one: Statistics) => number) => all.reduce((sum, one) => sum + of(one), 0) / all.length;
  const total = (of: (one: Statistics) => number) => all.reduce((sum, one) => sum + of(one), 0);
  return {
    ...first,
    name: first.name.replace(/^blk\.\d+\./, 'blk.*.'),
    hash: '',
    count: tensors.length,
    statistics: all[0]
      ? {
          ...all[0],
          min: Math.min(...all.map(({ min }) => min)),
          max: Math.max(...all.map(({ max }) => max)),
          mean: mean((one) => one.mean),
          rms: Math.sqrt(mean((one) => one.rms ** 2)),
          zeros: total(({ zeros }) => zeros),
        }
      : null,
  };
}
