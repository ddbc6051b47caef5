import type { Differing } from './report.js';
import type { Rows } from './rows.js';

const INPUTS = {
  q_rope: ['q_norm', 'Qcur_normed', 'q_proj', 'Qcur'],
  k_rope: ['k_norm', 'Kcur_normed', 'k_proj', 'Kcur'],
} as const;
const CLOSE = 0.03; // of a row: what roundings to 16 bits leave of a rotation

/**
 * Which position a query or key was turned by. What position 1 turns by is read from the base's own rows, input and output, so that neither
 * base nor pairing nor scaling of the rotation need be known; position p turns by p times that.
 *
 * @returns undefined where its input was not captured, or no position up to twice its own makes that row
 */
export function turnedAs(
  { layer, stage, position }: Pick<Differing, 'layer' | 'stage' | 'position'>,
  rows: Rows,
  base: Rows,
  heads: number | undefined,
): number | undefined {
  const row = rows.at({ layer, stage })?.rows.get(position);
  if (!row || !(stage === 'q_rope' || stage === 'k_rope')) return undefined;
  const input = INPUTS[stage].map((name) => base.at({ layer, stage: name })?.rows).find((one) => one !== undefined);
  const output = base.at({ layer, stage })?.rows;
  const [in1, out1, own, right] = [input?.get(1), output?.get(1), input?.get(position), output?.get(position)];
  if (!in1 || !out1 || !own || !right || [in1, out1, own].some(({ length }) => length !== row.length)) return undefined;
  for (const pairs of pairings(row.length, heads)) {
    const turns = turnsOf(in1, out1, pairs);
    // A base whose own row is not turned by its position tells nothing.
    if (!turns || !(distance(turned(own, pairs, turns, position), right) < CLOSE)) continue;
    let best: { readonly at: number; readonly off: number } | undefined;
    for (let at = 0; at <= 2 * position + 1; at++) {
      const off = distance(turned(own, pairs, turns, at), row);
      if (!best || off < best.off) best = { at, off };
    }
    if (best && best.off < CLOSE) return best.at;
  }
  return undefined;
}

type Pairs = readonly (readonly [number, number])[];

/** Of neighbours, or of the halves of a head whose size is one of the usual ones. */
function* pairings(width: number, heads: number | undefined): Generator<Pairs> {
  yield Array.from({ length: width / 2 }, (_, i) => [2 * i, 2 * i + 1] as const);
  const sizes = new Set([...(heads ? [width / heads] : []), 16, 32, 64, 80, 96, 128, 256, 8, 4]);
  for (const size of sizes) {
    if (!Number.isInteger(size) || size % 2 !== 0 || width % size !== 0) continue;
    yield Array.from({ length: width / 2 }, (_, i) => {
      const first = Math.floor(i / (size / 2)) * size + (i % (size / 2));
      return [first, first + size / 2] as const;
    });
  }
}

/** The angle and the factor of each pair at position 1; undefined where the norms of these pairs do not stay as they are, but for one factor. */
function turnsOf(
  before: Float32Array,
  after: Float32Array,
  pairs: Pairs,
): { angles: number[]; scale: number } | undefined {
  const norm = (row: Float32Array) => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  const scale = norm(after) / norm(before);
  const size = norm(after) / Math.sqrt(after.length);
  const angles: number[] = [];
  for (const [a, b] of pairs) {
    const [x, y, u, v] = [before[a], before[b], after[a], after[b]] as [number, number, number, number];
    if (!(Math.abs(Math.hypot(u, v) - scale * Math.hypot(x, y)) <= CLOSE * size)) return undefined;
    angles.push(Math.atan2(v, u) - Math.atan2(y, x));
  }
  return { angles, scale };
}

function turned(row: Float32Array, pairs: Pairs, { angles, scale }: { angles: number[]; scale: number }, at: number) {
  const result = row.slice();
  for (const [i, [a, b]] of pairs.entries()) {
    const [x, y] = [row[a] as number, row[b] as number];
    const [cos, sin] = [Math.cos(at * (angles[i] as number)), Math.sin(at * (angles[i] as number))];
    result[a] = scale * (x * cos - y * sin);
    result[b] = scale * (x * sin + y * cos);
  }
  return result;
}

function distance(a: Float32Array, b: Float32Array): number {
  let [delta, size] = [0, 0];
  for (const [i, value] of b.entries()) {
    delta += ((a[i] as number) - value) ** 2;
    size += value * value;
  }
  return Math.sqrt(delta / size);
}
