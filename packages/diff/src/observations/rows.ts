import { describe } from '../words.js';
import { type Noted, type ObservationKind, rowsBesides } from './observation.js';
import { lowerMedian, type StageRows } from './row-sizes.js';

const DEAD = 1e-6; // of a typical row's RMS
const EXPLODING = 1e3;
/** Rows of two healthy sides are nearer than that. */
const APART = 2;

/** Rows that are all but zero, far above all others, or one value all over. */
export function* observeRows(
  candidate: ReadonlyMap<string, StageRows>,
  reference: ReadonlyMap<string, StageRows>,
  name: string,
): Generator<Noted> {
  for (const [key, stage] of candidate) {
    const other = reference.get(key);
    const [ours, theirs] = [relative(stage), other && relative(other)];
    yield* note('dead-rows', 'all but zero', stage, other, name, {
      is: (token) => isDead(ours.get(token)),
      isThere: (token) => isDead(theirs?.get(token)),
      apart: (token) => !isDead(theirs?.get(token)) && (theirs?.get(token) ?? 0) > APART * (ours.get(token) ?? 0),
    });
    yield* note('exploding-rows', `more than ${EXPLODING} times a typical row`, stage, other, name, {
      is: (token) => isExploding(ours.get(token)),
      isThere: (token) => isExploding(theirs?.get(token)),
      apart: (token) => !isExploding(theirs?.get(token)) && (ours.get(token) ?? 0) > APART * (theirs?.get(token) ?? 0),
    });
    yield* note('constant-rows', 'one value all over', stage, other, name, {
      is: (token) => stage.constant.has(token) && !isDead(ours.get(token)),
      isThere: (token) => other?.constant.has(token) === true && !isDead(theirs?.get(token)),
      apart: (token) => !other?.constant.has(token),
    });
  }
}

const isDead = (size: number | undefined): boolean => size !== undefined && size < DEAD;
const isExploding = (size: number | undefined): boolean => size !== undefined && size > EXPLODING;

/** RMS by token over that of a typical row of the stage, which is the lower median of those that are not zero. */
function relative({ tokens, rms }: StageRows): Map<number, number> {
  const typical = lowerMedian(rms.filter((one) => one > 0)) ?? 1;
  return new Map(tokens.map((token, i) => [token, (rms[i] as number) / typical]));
}

/** Which rows are so, by token. */
interface Rule {
  is(token: number): boolean;
  isThere(token: number): boolean;
  /** The reference's row is not so, and not only just. */
  apart(token: number): boolean;
}

function* note(
  kind: ObservationKind,
  what: string,
  stage: StageRows,
  other: StageRows | undefined,
  name: string,
  { is, isThere, apart }: Rule,
): Generator<Noted> {
  const found = stage.tokens.filter(is);
  if (found.length === 0) return;
  const there = new Set(other?.tokens);
  const covered = found.filter((token) => there.has(token));
  const differing = covered.filter(apart);
  const differs = differing.length > 0;
  const token = (differing[0] ?? found[0]) as number;
  const same = covered.filter(isThere).length;
  const { layer, order, tokens } = stage;
  const step = stage.steps[tokens.indexOf(token)] as number;
  const which =
    found.length === tokens.length && found.length > 1
      ? `all ${found.length} rows are`
      : found.length === 1
        ? `the row of token ${token} is`
        : `${found.length} of ${tokens.length} rows are`;
  const from = found.length > 1 && token !== tokens[0] ? `, the first at token ${token}` : '';
  yield {
    kind,
    step,
    order,
    layer,
    stage: stage.stage,
    candidate: found.length,
    reference: covered.length > 0 ? same : null,
    scale: tokens.length,
    text: `${describe({ step, layer, stage: stage.stage })}: ${which} ${what}${from}; ${rowsBesides(name, same, covered.length, differs)}.`,
    differs,
  };
}
