import { type Deviation, show } from './findings.js';
import type { Pairing, Rotated } from './pairing.js';
import { FLOOR, TOLERANCES } from './tolerances.js';

/**
 * A rotation keeps the norm of each pair that it turns (Su et al. 2021, "RoFormer", arXiv:2104.09864, equation 34).
 *
 * @param factor what all norms may be multiplied with: YaRN's attention factor (Peng et al. 2023, arXiv:2309.00071, §3.4)
 * @example keepsNorms({ token: 1, before: qProjRow, after: qRopeRow }, adjacentPairs(2048), 1)
 */
export function keepsNorms({ before, after }: Rotated, pairing: Pairing, factor: number): Deviation | undefined {
  const { pairs, still } = pairing;
  const least = leastOf(before);
  let worst: { i: number; j: number } | undefined;
  let by: number = TOLERANCES['rope-norm'];
  for (let p = 0; p < pairs.length; p += 2) {
    const [i, j] = [pairs[p] as number, pairs[p + 1] as number];
    const off = offBy(pairNorm(after, i, j), pairNorm(before, i, j), factor, least);
    if (off > by) {
      by = off;
      worst = { i, j };
    }
  }
  for (const i of still) {
    const off = offBy(after[i] as number, before[i] as number, 1, least);
    if (off > by) {
      by = off;
      worst = { i, j: i };
    }
  }
  if (!worst) return undefined;
  const { i, j } = worst;
  if (i === j) {
    const [found, wanted] = [after[i] as number, before[i] as number];
    const what = `${show(found)}, wanted ${show(wanted)} as before the rotation, which turns only ${pairing.name}`;
    return { by, found, wanted, where: `index ${i}`, what };
  }
  const found = pairNorm(after, i, j);
  const wanted = pairNorm(before, i, j) * factor;
  const what = `the pair has the norm ${show(found)}, wanted ${show(wanted)} as before the rotation`;
  return { by, found, wanted, where: `indices ${i} and ${j}`, what };
}

/**
 * At position 0 every angle is 0: the row stays as it is.
 *
 * @param mayScale where all values may be multiplied with one factor
 */
export function staysAtZero({ before, after }: Rotated, mayScale: boolean): Deviation | undefined {
  const factor = mayScale ? median(ratios(before.length, (i) => [after[i] as number, before[i] as number])) : 1;
  const least = leastOf(before);
  let worst = -1;
  let by: number = TOLERANCES['rope-identity'];
  for (let i = 0; i < before.length; i++) {
    const off = offBy(after[i] as number, before[i] as number, factor, least);
    if (off > by) {
      by = off;
      worst = i;
    }
  }
  if (worst < 0) return undefined;
  const [found, wanted] = [after[worst] as number, before[worst] as number];
  const what = `${show(found)}, wanted ${show(wanted)}: at position 0 a rotation changes nothing`;
  return { by, found, wanted, where: `index ${worst}`, what };
}

/** What the norms of pairs are multiplied with, if it is one number. */
export function factorOf(rows: readonly Rotated[], { pairs }: Pairing): number {
  const few = rows.slice(0, 16); // it is one number: some rows tell it as well as all
  const pair = (p: number) => [pairs[2 * p] as number, pairs[2 * p + 1] as number] as const;
  const all = few.flatMap(({ before, after }) =>
    ratios(pairs.length / 2, (p) => [pairNorm(after, ...pair(p)), pairNorm(before, ...pair(p))]),
  );
  return median(all);
}

function ratios(length: number, values: (i: number) => readonly [number, number]): number[] {
  return Array.from({ length }, (_, i) => values(i)).flatMap(([after, before]) =>
    before === 0 ? [] : [after / before],
  );
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 1;
}

/** What is not rotated is not scaled either, so that a factor may also be absent. */
function offBy(after: number, before: number, factor: number, least: number): number {
  const off = (scale: number) => {
    const delta = Math.abs(after - scale * before);
    return delta === 0 ? 0 : delta / Math.max(Math.abs(scale * before), least);
  };
  return factor === 1 ? off(1) : Math.min(off(1), off(factor));
}

function leastOf(row: Float32Array): number {
  let squares = 0;
  for (const value of row) squares += value * value;
  return FLOOR * Math.sqrt(squares / row.length);
}

const pairNorm = (row: Float32Array, i: number, j: number): number =>
  Math.sqrt((row[i] as number) ** 2 + (row[j] as number) ** 2);
