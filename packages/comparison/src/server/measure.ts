import type { TextLimits } from '../text/limits.js';
import type { Spelt } from '../text/report.js';
import { pieceOf } from '../text/token-class.js';
import type { Probable, ServerPosition } from './report.js';
import { heldTo, type LogP, roundingOf, type Sparse, type Written } from './sparse.js';

export interface Measured {
  readonly position: number;
  readonly row: Sparse;
  readonly kl: number;
  /** What the rounding of the server's numbers explains. */
  readonly rounding: number;
  readonly covered: ServerPosition['covered'];
  readonly isSameTop: boolean | null;
}

/** Holds every row of a server to the reference's. @param top the reference's likeliest id */
export function measure(
  rows: ReadonlyMap<number, Sparse>,
  reference: (position: number) => { readonly logP: LogP; readonly top: number | undefined } | undefined,
  written: Written,
): readonly Measured[] {
  const found: Measured[] = [];
  for (const [position, row] of rows) {
    const right = reference(position);
    const held = right && heldTo(row, right.logP);
    if (!right || !held) continue;
    found.push({
      position,
      row,
      ...held,
      rounding: roundingOf(row, right.logP, written),
      isSameTop: row.top === undefined || right.top === undefined ? null : row.top === right.top,
    });
  }
  return found;
}

/** What a KL divergence may be at a position: what rounding explains is always allowed. */
export const limitAt = ({ rounding }: Measured, { position }: TextLimits): number => Math.max(position, rounding);

/** The same as it is told. */
export function positionsOf(
  measured: readonly Measured[],
  limits: TextLimits,
  { tokens, prompt, spell }: { tokens: readonly number[]; prompt: number; spell: (id: number) => Spelt },
): readonly ServerPosition[] {
  return measured.map((one) => ({
    position: one.position,
    token: spell(tokens[one.position] as number),
    from: one.position < prompt ? 'prompt' : 'decoded',
    kl: one.kl,
    limit: limitAt(one, limits),
    covered: one.covered,
    isSameTop: one.isSameTop,
  }));
}

/** How the model's file spells a token. */
export function spelling(metadata: Readonly<Record<string, unknown>>): (id: number) => Spelt {
  const piece = pieceOf(metadata);
  return (id) => ({ id, text: piece(id) });
}

/** The likeliest of some ids. */
export function probable(
  ids: Iterable<number>,
  logP: LogP,
  spell: (id: number) => Spelt,
  most: number,
): readonly Probable[] {
  return [...ids]
    .flatMap((id) => {
      const value = logP(id);
      return value === undefined ? [] : [{ ...spell(id), probability: Math.exp(value) }];
    })
    .sort((a, b) => b.probability - a.probability)
    .slice(0, most);
}
