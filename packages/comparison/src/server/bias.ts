import { leftOf, type Place } from './left.js';
import type { ServerCause } from './report.js';
import { changedLogP } from './trials.js';

const LEAST = 0.05; // nats: less is not told from an error
const NOISE = 8; // times the middle one of the errors
const MOST = 8; // ids

/**
 * A number that is added to the logits of a few tokens at every position. All other returned tokens are then shifted by the same, which the sum over the vocabulary
 * tells: a bias on some, and its opposite on all others, are told apart by that.
 *
 * It is named where each of its tokens is shifted by the same at all of at least two positions that return it, also where it is not among the tokens before (which
 * a penalty is on), and everything else agrees.
 */
export function biasOf(places: readonly Place[]): ServerCause | undefined {
  const shifts = places.map(({ row, logits }) => {
    const all = row.ids.map((id, i) => ({ id, by: (row.logP[i] as number) - (logits[id] as number) }));
    return { all, middle: middleOf(all.map(({ by }) => by)) };
  });
  const error = middleOf(shifts.flatMap(({ all, middle }) => all.map(({ by }) => Math.abs(by - middle))));
  const least = Math.max(LEAST, NOISE * error);
  const shifted = new Map<number, { by: number; isNew: boolean }[]>();
  for (const [i, { all, middle }] of shifts.entries())
    for (const { id, by } of all) {
      const isNew = !places[i]?.before.includes(id);
      shifted.set(id, [...(shifted.get(id) ?? []), { by: by - middle, isNew }]);
    }
  const biased = [...shifted].filter(([, seen]) => seen.some(({ by }) => Math.abs(by) > least));
  if (biased.length === 0 || biased.length > MOST) return undefined;
  for (const [, seen] of biased) {
    const all = seen.map(({ by }) => by);
    if (seen.length < 2 || Math.max(...all) - Math.min(...all) > least || !seen.some(({ isNew }) => isNew))
      return undefined;
  }
  const fitted = new Map(biased.map(([id, seen]) => [id, middleOf(seen.map(({ by }) => by))]));
  const tried = [2, 4].map((digits) => {
    const bias = new Map([...fitted].map(([id, by]) => [id, Number(by.toFixed(digits))]));
    return { bias, left: leftOf(places, (place) => logPWith(place, bias)) };
  });
  const best = tried.find(({ left }) => left.isSame);
  if (!best || !places.every((place, i) => isShifted(place, best.bias, shifts[i]?.middle ?? Number.NaN, least)))
    return undefined;
  const { isSame: _, ...figures } = best.left;
  const parts = [...best.bias].map(([token, value]) => ({ id: 'logit-bias', token, value }));
  return {
    id: 'logit-bias',
    title: `a logit bias: ${parts.map(({ token, value }) => `${value > 0 ? '+' : ''}${value} on token ${token}`).join(', ')}, at every position`,
    value: parts.length === 1 ? (parts[0]?.value ?? null) : null,
    parts,
    look: 'A logit_bias belongs to sampling: leave the option out, also where it is a default of the server. If none was meant: the rows of these tokens in the output weight, or a bias that is added to the logits.',
    ...figures,
  };
}

function logPWith({ logits }: Place, bias: ReadonlyMap<number, number>) {
  return changedLogP(logits, new Map([...bias].map(([id, by]) => [id, (logits[id] as number) + by])));
}

/** Whether the other tokens are shifted by what the sum makes of the bias. */
function isShifted(place: Place, bias: ReadonlyMap<number, number>, middle: number, least: number): boolean {
  const other = place.row.ids.find((id) => !bias.has(id));
  if (other === undefined) return false;
  const shift = (logPWith(place, bias)(other) as number) - (place.logits[other] as number);
  return Math.abs(shift - middle) <= least;
}

function middleOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
