import type { Broken } from './broken.js';
import { type At, Findings } from './findings.js';
import { adjacentPairs, halves, type Pairing, type Rotated, rotatedHalves } from './pairing.js';
import { factorOf, keepsNorms } from './rope.js';

/** One way in which a side may rotate a stage, and what breaks it. */
interface Reading {
  readonly pairing: Pairing;
  readonly factor: number;
  readonly findings: Findings;
  /** How far all rows together are off. */
  off: number;
}

/**
 * The rotations of one side, read in every way in which it may rotate.
 *
 * Where the architecture does not say which values form pairs, the reading that fits all rows best is taken for the engine's.
 */
export class Rotations {
  private readonly readings = new Map<string, Reading[]>(); // by stage

  /**
   * @param adjacent only adjacent pairs are right
   * @param mayScale all values may be multiplied with one number
   */
  constructor(
    private readonly adjacent: boolean,
    private readonly mayScale: boolean,
  ) {}

  /** @param headDim where it is not known, halves cannot be told */
  add(at: At, rows: readonly Rotated[], headDim: number | undefined): void {
    const [first] = rows;
    if (!first || (!this.adjacent && headDim === undefined)) return;
    const width = first.before.length;
    let readings = this.readings.get(at.stage);
    if (!readings) {
      const halved = headDim === undefined ? [] : [halves(width, headDim)];
      const pairings = [adjacentPairs(width), ...halved];
      const factor = (pairing: Pairing) => (this.mayScale ? factorOf(rows, pairing) : 1);
      readings = pairings.map((pairing) => reading(pairing, factor(pairing)));
      if (!this.mayScale) readings.push(reading(adjacentPairs(width), factorOf(rows, adjacentPairs(width))));
      this.readings.set(at.stage, readings);
    }
    if (!this.adjacent && headDim !== undefined) addPartial(readings, rows, width, headDim);
    for (const row of rows) {
      for (const [i, { pairing, factor, findings }] of readings.entries()) {
        const deviation = keepsNorms(row, pairing, factor);
        findings.add('rope-norm', at, row.token, deviation);
        (readings[i] as Reading).off += Math.min(1, deviation?.by ?? 0);
        if (this.adjacent && !deviation) break; // the other readings only explain what is wrong in the first
      }
    }
  }

  result(): { broken: Broken[]; checked: number } {
    const taken = this.adjacent ? undefined : this.best();
    const broken: Broken[] = [];
    let checked = 0;
    for (const readings of this.readings.values()) {
      const own = readings.find(({ pairing }) => pairing.name === taken) ?? (readings[0] as Reading);
      checked += own.findings.checked['rope-norm'];
      broken.push(...own.findings.list((at) => (this.adjacent ? explain(at, readings) : '')));
    }
    return { broken, checked };
  }

  /** The name of the pairing that fits Q and K together best. */
  private best(): string | undefined {
    const stages = [...this.readings.values()];
    const names = new Set(stages.flatMap((readings) => readings.map(({ pairing }) => pairing.name)));
    const off = (name: string) =>
      stages.reduce((sum, all) => sum + (all.find(({ pairing }) => pairing.name === name)?.off ?? Infinity), 0);
    return [...names].sort((a, b) => off(a) - off(b))[0];
  }
}

const reading = (pairing: Pairing, factor: number): Reading => ({ pairing, factor, findings: new Findings(), off: 0 });

/** Where only the first values of a head are rotated, rows tell how many; those at position 0 do not. */
function addPartial(readings: Reading[], rows: readonly Rotated[], width: number, headDim: number): void {
  if (readings.some(({ pairing }) => pairing.still.length > 0)) return;
  const rotated = rotatedHalves(rows.slice(0, 16), headDim);
  if (rotated === undefined || rotated === 2 || rotated === headDim) return; // two are an adjacent pair
  const pairing = halves(width, headDim, rotated);
  readings.push(reading(pairing, factorOf(rows, pairing)));
}

/** What else fits where adjacent pairs do not. */
function explain(at: At, [, ...others]: readonly Reading[]): string {
  const fits = others.find(({ findings }) => !findings.has('rope-norm', at));
  if (!fits) return '';
  return fits.pairing.name === 'halves'
    ? '; the norms of halves are kept instead: it rotates halves, not adjacent pairs'
    : `; every norm is ${Number(fits.factor.toPrecision(3))} times what it was: it scales as well as rotates`;
}
