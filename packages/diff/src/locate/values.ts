import type { Region } from './region.js';
import type { Kind, WrongValue } from './where.js';

/** Fewer values than this fit anything: they are listed. */
const ENOUGH = 8;

/** A value that is less than this part of its row's RMS counts as 0. */
const ZERO = 1e-6;

/** NaN and infinities that the other side does not have. */
export function nonFinite(region: Region): Kind | undefined {
  const nan = { candidate: 0, reference: 0 };
  const inf = { candidate: 0, reference: 0 };
  for (const { candidate, reference } of wrongValues(region)) {
    if (Number.isFinite(candidate - reference)) continue;
    for (const [side, value] of [
      ['candidate', candidate],
      ['reference', reference],
    ] as const) {
      if (Number.isNaN(value)) nan[side]++;
      else if (!Number.isFinite(value)) inf[side]++;
    }
  }
  const found = nan.candidate + nan.reference + inf.candidate + inf.reference > 0;
  return found ? { kind: 'nonfinite', nan, inf } : undefined;
}

export function few(region: Region): Kind | undefined {
  const { count } = region;
  return count < ENOUGH ? { kind: 'few', count, values: [...wrongValues(region)] } : undefined;
}

export function zero({ rows }: Region, limit: number): Kind | undefined {
  const isZero = rows.every(({ candidate, wrong, rms }) => {
    const most = Math.min(limit, ZERO) * rms;
    return wrong.every((flag, i) => !flag || Math.abs(candidate[i] as number) <= most);
  });
  return isZero ? { kind: 'zero' } : undefined;
}

function* wrongValues({ rows }: Region): Generator<WrongValue> {
  for (const { token, candidate, reference, wrong } of rows) {
    for (let index = wrong.indexOf(1); index >= 0; index = wrong.indexOf(1, index + 1)) {
      yield { token, index, candidate: candidate[index] as number, reference: reference[index] as number };
    }
  }
}
