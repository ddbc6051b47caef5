import type { Tensor } from '@llama-probe/dump';
import { stageKey } from '@llama-probe/dump/stage';
import { describe } from '../words.js';
import { type Broken, type CheckName, nothingChecked } from './broken.js';

/** How a row breaks a check. */
export interface Deviation {
  /** How far it is off, as `TOLERANCES` counts. */
  readonly by: number;
  readonly found: number;
  readonly wanted: number;
  /** @example 'head 1' */
  readonly where?: string;
  /** @example 'the row sums to 0.71, wanted 1' */
  readonly what: string;
}

export type At = Pick<Tensor, 'step' | 'order' | 'layer' | 'stage'>;

/** What the checks find, row by row: of each stage the worst row, and how many there are. */
export class Findings {
  readonly checked = nothingChecked();
  private readonly stages = new Map<
    string,
    { check: CheckName; at: At; token: number; worst: Deviation; rows: number }
  >();

  /** One row that was looked at. */
  add(check: CheckName, at: At, token: number, deviation: Deviation | undefined): void {
    this.checked[check]++;
    if (!deviation) return;
    const key = `${check}/${stageKey(at)}`;
    const stage = this.stages.get(key);
    if (!stage) {
      const { step, order, layer, stage } = at; // not the tensor: it holds values
      this.stages.set(key, { check, at: { step, order, layer, stage }, token, worst: deviation, rows: 1 });
      return;
    }
    stage.rows++;
    if (deviation.by > stage.worst.by) Object.assign(stage, { token, worst: deviation });
  }

  /** Whether the check found a row of the stage. */
  has(check: CheckName, at: Parameters<typeof stageKey>[0]): boolean {
    return this.stages.has(`${check}/${stageKey(at)}`);
  }

  /** @param note what else there is to say about one */
  list(note: (at: At) => string = () => ''): Broken[] {
    return [...this.stages.values()].map(({ check, at, token, worst, rows }) => ({
      check,
      ...at,
      token,
      found: worst.found,
      wanted: worst.wanted,
      text: sentence(at, token, worst, note(at) + (rows === 1 ? '' : ` (the worst of ${rows} rows)`)),
    }));
  }
}

/** A finding in words. @example 'ffn_inp of layer 0, token 2, index 5: 0.3, wanted 0.9.' */
export function sentence(at: At, token: number, { where, what }: Pick<Deviation, 'where' | 'what'>, rest = ''): string {
  return `${describe(at)}, token ${token}${where ? `, ${where}` : ''}: ${what}${rest}.`;
}

/** A number as people read it. @example show(0.70999) === '0.71', show(2.05e-5) === '2.05e-5' */
export function show(value: number): string {
  const short = Number(value.toPrecision(3));
  return short !== 0 && Math.abs(short) < 1e-3 ? short.toExponential() : String(short);
}
