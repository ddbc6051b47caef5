import { operationOf, type StageCase, weightName } from '../../case.js';
import { computeStage } from '../../compute.js';
import { dot } from '../../operations.js';
import { weightOf, weightRow } from '../../variants/weight.js';
import { counted, inRanges } from '../words.js';
import type { Idea, Wrong } from '../wrong.js';
import { inputsOf } from './inputs.js';
import { leastSquares } from './least-squares.js';

/** More multiplications are not made. */
const MOST = 3e8;

/** So many outputs, evenly spread, are solved from. */
const OUTPUTS = 128;

/** So many blocks at most are solved for. */
const MOST_BLOCKS = 64;

/** A product is the sum of what each block of inputs gives. How often is each of them in it? */
export function* inputBlocks(wrong: Wrong): Generator<Idea> {
  const { c, rows, width } = wrong;
  const [input] = inputsOf(c);
  const name = weightName(c);
  const weight = name === undefined ? undefined : c.model.weight(name);
  if (!input || !weight || weight.rows !== width || rows * width * weight.columns > MOST) return;
  for (const { size, one, many } of blocksOf(c, weight.columns)) {
    const found = timesOf(wrong, input.rows, weight.columns, size);
    if (!found || found.every((times) => times === found[0])) continue;
    const x = input.rows.map((value, i) => value * (found[Math.floor((i % weight.columns) / size)] as number));
    const text = HOW_OFTEN.flatMap(([times, how]) => {
      const blocks = found.flatMap((own, block) => (own === times ? [block] : []));
      if (blocks.length === 0) return [];
      if (one === 'head')
        return [`${counted('head', blocks)} of ${input.name} ${blocks.length === 1 ? 'is' : 'are'} ${how}`];
      const columns = blocks.flatMap((block) => Array.from({ length: size }, (_, i) => block * size + i));
      return [`${many} ${inRanges(columns)} of ${input.name} are ${how}`];
    }).join(', ');
    yield { text, rows: computeStage({ ...c, inputs: { ...c.inputs, [input.name]: x } }) };
  }
}

const HOW_OFTEN: readonly (readonly [times: number, how: string])[] = [
  [0, 'not summed'],
  [2, 'summed twice'],
  [-1, 'subtracted'],
];

function blocksOf(c: StageCase, columns: number): { size: number; one: string; many: string }[] {
  const { headCount, headDim } = c.model.config;
  const isOfHeads = operationOf(c).weight === 'attn_output' && columns === headCount * headDim;
  const sizes = [256, 128, 64, 32, 16, 8, 4].filter(
    (size) => columns % size === 0 && columns / size <= MOST_BLOCKS && size < columns,
  );
  return [
    ...(isOfHeads ? [{ size: headDim, one: 'head', many: 'heads' }] : []),
    ...sizes.map((size) => ({ size, one: 'column', many: 'columns' })),
  ];
}

/** How often each block is in the sum, by least squares over some outputs; undefined where that is no whole number. */
function timesOf(
  { c, sick, right, rows, width }: Wrong,
  x: Float64Array,
  columns: number,
  size: number,
): number[] | undefined {
  const weight = weightOf(c.model, weightName(c) as string);
  const blocks = columns / size;
  const outputs = Math.min(OUTPUTS, width);
  if (rows * outputs < 2 * blocks) return undefined;
  const equations: Float64Array[] = [];
  const wanted: number[] = [];
  for (let i = 0; i < outputs; i++) {
    const output = Math.floor(((i + 0.5) * width) / outputs);
    const weights = weightRow(weight, output, {});
    for (let row = 0; row < rows; row++) {
      const own = x.subarray(row * columns, (row + 1) * columns);
      equations.push(
        Float64Array.from({ length: blocks }, (_, block) =>
          dot(own.subarray(block * size, (block + 1) * size), weights.subarray(block * size, (block + 1) * size)),
        ),
      );
      wanted.push((sick[row * width + output] as number) - (right[row * width + output] as number));
    }
  }
  const more = leastSquares(equations, wanted);
  const times = more && Array.from(more, (value) => Math.round(value + 1));
  const isWhole = times?.every(
    (own, block) => Math.abs(own - 1 - (more?.[block] as number)) < 0.01 && [-1, 0, 1, 2].includes(own),
  );
  return isWhole ? times : undefined;
}
