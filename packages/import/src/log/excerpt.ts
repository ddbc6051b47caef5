import { DumpError, type Excerpt, type FloorsDescription, type RecordedRun, type Tensor } from '@llama-probe/dump';
import { placeKey } from '@llama-probe/dump/stage';
import { cell, type PrintedStage } from './rows.js';

const SUM_OF = 'sum of ';

/** The floors of stages, which hold for their sums too. */
function withSums(stages: FloorsDescription['stages']): FloorsDescription['stages'] {
  const sums = Object.entries(stages).map(([key, floor]) => {
    const [step, layer, ...stage] = key.split('/');
    return [`${step}/${layer}/${SUM_OF}${stage.join('/')}`, floor] as const;
  });
  return { ...stages, ...Object.fromEntries(sums) };
}

interface Both {
  readonly ours: Tensor | undefined;
  readonly theirs: Tensor | undefined;
}

/**
 * The printed values beside another run's at the same places.
 *
 * A printed value stands for every number that is printed so: it is taken for the one of them that is nearest to the other run's. A sum of all elements is compared
 * as a stage of its own, `sum of q_proj`. Both make a delta that is at most the stage's own, so that what is found is there.
 */
export function excerptOf(run: RecordedRun, stages: readonly PrintedStage[]): Excerpt {
  const byPlace = new Map<string, PrintedStage[]>();
  for (const stage of stages) {
    const key = placeKey(stage);
    byPlace.set(key, [...(byPlace.get(key) ?? []), stage]);
  }
  const beside = (other: RecordedRun) => {
    const part = (which: keyof Both) =>
      async function* (): AsyncGenerator<Tensor> {
        for await (const pair of pairs(other, byPlace, run.path)) {
          const tensor = pair[which];
          if (tensor) yield tensor;
        }
      };
    // Which columns are of one head, nobody can tell of a few of them.
    const { shapes: _, floors, ...metadata } = other.metadata;
    return {
      ours: { ...run, tensors: part('ours') },
      theirs: {
        path: other.path,
        bytes: other.bytes,
        metadata: { ...metadata, ...(floors ? { floors: { ...floors, stages: withSums(floors.stages) } } : {}) },
        notes: other.notes,
        tensors: part('theirs'),
        close: () => other.close(),
      },
    };
  };
  return { what: 'the first and last values of each stage', beside };
}

async function* pairs(
  other: RecordedRun,
  byPlace: ReadonlyMap<string, readonly PrintedStage[]>,
  path: string,
): AsyncGenerator<Both> {
  const seen = new Set<PrintedStage>();
  for await (const tensor of other.tensors()) {
    let isShared = false;
    for (const printed of byPlace.get(placeKey(tensor)) ?? []) {
      for (const pair of besides(printed, tensor, path)) {
        isShared = true;
        seen.add(printed);
        yield pair;
      }
    }
    if (!isShared) yield { ours: undefined, theirs: tensor };
  }
  for (const printed of [...byPlace.values()].flat()) {
    if (!seen.has(printed)) yield { ours: asPrinted(printed), theirs: undefined };
  }
}

function* besides(printed: PrintedStage, tensor: Tensor, path: string): Generator<Both> {
  const rows = [...tensor.positions.entries()].filter(([, position]) => printed.positions.includes(position));
  if (rows.length === 0) return;
  const columns = columnsIn(printed, tensor, path);
  const isPart = columns.length < tensor.width;
  const width = columns.length + (isPart ? 1 : 0);
  const shared = {
    positions: Int32Array.from(rows, ([, position]) => position),
    width,
    columns: Int32Array.from([...columns.map(({ column }) => column), ...(isPart ? [tensor.width] : [])]),
  };
  const [ours, theirs] = [new Float32Array(rows.length * width), new Float32Array(rows.length * width)];
  for (const [to, [row, position]] of rows.entries()) {
    const whole = tensor.values.subarray(row * tensor.width, (row + 1) * tensor.width);
    for (const [i, { column, from }] of columns.entries()) {
      const value = whole[column] as number;
      theirs[to * width + i] = value;
      ours[to * width + i] = nearest(printed.values.get(cell(position, from)), value, printed.half);
    }
    const part = theirs.subarray(to * width, (to + 1) * width);
    if (isPart) part[width - 1] = ours[to * width + width - 1] = restOf(whole, part);
  }
  const { step } = tensor;
  const { stage, layer, order } = printed;
  yield {
    ours: { step, order, stage, layer, ...shared, values: ours },
    theirs: { ...tensor, ...shared, values: theirs },
  };
  const sums = sumOf(printed, tensor);
  if (sums) yield sums;
}

/** Which of the printed columns the other side has, and where. Scores of llama.cpp have room for more positions than there are. */
function columnsIn({ columns, heads, elements, allRows, stage }: PrintedStage, { width }: Tensor, path: string) {
  const perHead = heads === undefined ? undefined : width / heads;
  const isWrong = perHead === undefined ? elements / allRows !== width : !Number.isInteger(perHead);
  if (isWrong) {
    const found = heads === undefined ? `rows of ${elements / allRows} values` : `${heads} heads`;
    const what = `${stage} has ${found}, and the other run's rows have ${width} values`;
    throw new DumpError('dump-shape', `${path}: ${what}: that is another model. Compare runs of the same one.`);
  }
  return columns.flatMap(({ head, index }, from) => {
    if (perHead !== undefined && index >= perHead) return [];
    return { column: perHead === undefined ? index : head * perHead + index, from };
  });
}

/** Of the numbers that are printed alike the one that is nearest to another. What the other side's mask hides is hidden. */
function nearest(printed: number | undefined, other: number, half: number): number {
  if (printed === undefined || Number.isNaN(other)) return other;
  const delta = printed - other;
  if (!(Math.abs(delta) > half)) return Number.isNaN(printed) ? printed : other;
  return printed - Math.sign(delta) * half;
}

/** What makes a part of a row as long as so many of its values are on average: a few small ones are not all that there is. */
function restOf(whole: Float32Array, part: Float32Array): number {
  let [all, count] = [0, 0];
  for (const value of whole) {
    if (Number.isFinite(value)) [all, count] = [all + value * value, count + 1];
  }
  let own = 0;
  const length = part.length - 1;
  for (const value of part.subarray(0, length)) if (Number.isFinite(value)) own += value * value;
  return count === 0 ? 0 : Math.sqrt(Math.max(0, (length / count) * all - own));
}

/**
 * The sums of all elements: as a stage's component along (1, 1, …, 1)/√n, beside what is left of its length. |Σa − Σb| / √n is at most ‖a − b‖
 * (Cauchy and Schwarz), and so the delta of this stage is at most that of the stage that it is of.
 */
function sumOf({ sum, half, allRows, stage, layer, order }: PrintedStage, tensor: Tensor): Both | undefined {
  const { values, positions } = tensor;
  if (sum === undefined || positions.length !== allRows || !values.every(Number.isFinite)) return undefined;
  let [total, absolute, squares] = [0, 0, 0];
  for (const value of values)
    [total, absolute, squares] = [total + value, absolute + Math.abs(value), squares + value * value];
  const root = Math.sqrt(values.length);
  // llama.cpp adds in float32: roundings of half a unit in the last place each, which go either way.
  const rounding = half + 4 * root * 2 ** -24 * absolute;
  const along = total / root;
  const rest = Math.sqrt(Math.max(0, squares - along * along));
  const shared = {
    step: tensor.step,
    stage: `${SUM_OF}${stage}`,
    layer,
    positions: Int32Array.of(0),
    width: 2,
    columns: Int32Array.of(0, 1),
  };
  return {
    ours: { ...shared, order, values: Float32Array.of(nearest(sum, total, rounding) / root, rest) },
    theirs: { ...shared, order: tensor.order, values: Float32Array.of(along, rest) },
  };
}

/** What there is of a stage that the other side does not have. */
export function asPrinted({ step, order, stage, layer, positions, columns, values }: PrintedStage): Tensor {
  const width = columns.length;
  const all = positions.flatMap((position) => columns.map((_, i) => values.get(cell(position, i)) ?? Number.NaN));
  return {
    step,
    order,
    stage,
    layer,
    positions: Int32Array.from(positions),
    width,
    columns: Int32Array.from(columns, ({ index }) => index),
    values: Float32Array.from(all),
  };
}
