import type { RecordedRun, Tensor } from '@llama-probe/dump';
import { decodeGraph, type Place, placeKey } from '@llama-probe/dump/stage';
import type { ForeignArray } from '../array.js';
import { isFloat, toFloats } from '../dtype.js';
import { type Columns, cutColumns } from '../shape/columns.js';
import type { Rows } from '../shape/rows.js';
import { type Likeness, likenesses, MARGIN, MOST, measured, NEARER, sumError } from './likeness.js';
import { type Added, Residues, rowsAt } from './residues.js';
import { type Believed, lastRows, type Sketch, sketchesOf } from './sketch.js';
import { slicesOf } from './slices.js';
import { clearSums, stageThatAdds, sumsOfArrays, sumsOfStages } from './sums.js';

/** What is so near a stage is that one and no other. */
const SAME = 1e-4;

/** An array whose numbers are those of a stage. */
export interface Found {
  readonly array: ForeignArray;
  /** What is added to it: the two together are the stage. */
  readonly addend?: ForeignArray;
  readonly place: Place;
  readonly columns?: Columns;
  readonly like: Likeness;
}

interface Guess extends Omit<Found, 'like'> {
  /** Of the last row, where the array as a whole is like the stage. */
  readonly error?: number;
  readonly rows: Rows;
  readonly kind: Likeness['kind'];
}

/**
 * Which stage of a whole run each of these arrays is, by their numbers. Each array is read once for its last row, which is held to that of every stage of the same width;
 * what is like one and like no other is then held to it in all its rows. Of what is like none, two may be a stage in sum, or one the sum of two stages.
 *
 * A heuristic: an array that is wrong from the bottom up is like nothing, and is not found.
 *
 * @param isKnown stages that another array is already
 */
export async function findStages(
  arrays: readonly ForeignArray[],
  reference: RecordedRun,
  path: string,
  isKnown: (place: Place) => boolean,
): Promise<{ readonly found: readonly Found[]; readonly added: readonly Added[] }> {
  const { stages, tokens } = await lastRows(reference, isKnown);
  const open = stages.filter(({ isTaken }) => !isTaken);
  const sketched: (readonly Sketch[])[] = [];
  const own = new Map<ForeignArray, readonly Guess[]>();
  for (const array of arrays) {
    if (!isFloat(array.dtype)) continue;
    const sketches = await sketchesOf(array, path, tokens);
    sketched.push(sketches);
    own.set(array, guessesOf(sketches, open));
  }
  const guessed = (array: ForeignArray) => own.get(array) ?? [];
  const unlike = sketched.flat().filter(({ array }) => guessed(array).every(({ error = 0 }) => error > SAME));
  const mayBeSums = sumsOfStages(unlike, stages);
  for (const { is, rel } of mayBeSums)
    if (guessed(is.array).some(({ error = 0 }) => error >= NEARER * rel)) own.set(is.array, []);

  const guesses = nearestOf([...own.values()].flat());
  const isStage = ({ array }: Sketch) => guessed(array).length > 0;
  const whole = sketched.filter((sketches) => !sketches.some(({ array }) => guessed(array).some((one) => one.columns)));
  const missing = open.filter(({ place }) => !guesses.has(placeKey(place)));
  const sums = sumsOfArrays(whole, missing, isStage);
  for (const { of, is } of sums) {
    const [{ array, rows }, { array: addend }] = of;
    guesses.set(placeKey(is.place), { array, addend, rows, place: is.place, kind: 'equal' });
  }
  const inSums = new Set(sums.flatMap(({ of }) => of.map(({ array }) => array)));
  const found: Found[] = [];
  const residues = new Residues(clearSums(mayBeSums).filter(({ is }) => !isStage(is) && !inSums.has(is.array)));
  for await (const tensor of reference.tensors()) {
    if (tensor.step > 0) continue;
    await residues.subtract(tensor);
    const guess = guesses.get(placeKey(tensor));
    const like = guess && (await verified(guess, tensor));
    if (guess && like) {
      const { array, addend, place, columns } = guess;
      found.push({ array, place, like, ...(addend ? { addend } : {}), ...(columns ? { columns } : {}) });
    }
  }
  const isThere = (place: Place) => isKnown(place) || stages.some((one) => placeKey(one.place) === placeKey(place));
  return withStagesThatAdd(found, residues.added(), reference, isThere);
}

/** Of several arrays that are like one stage the first, if none is much nearer. */
function nearestOf(guesses: readonly Guess[]): Map<string, Guess> {
  const nearest = new Map<string, Guess>();
  for (const guess of guesses) {
    const key = placeKey(guess.place);
    const known = nearest.get(key);
    const isNearer = known?.kind === guess.kind && (known.error ?? 0) > Math.max(guess.error ?? 1, 1e-7) * MARGIN;
    if (!known || isNearer) nearest.set(key, guess);
  }
  return nearest;
}

/** Where the sum of two stages is one of the model that the other run does not have, the array is that one. */
function withStagesThatAdd(
  found: Found[],
  added: readonly Added[],
  { metadata }: RecordedRun,
  isThere: (place: Place) => boolean,
): { readonly found: readonly Found[]; readonly added: readonly Added[] } {
  const graph = metadata.graph && decodeGraph(metadata.graph);
  const rest = added.filter(({ array, of, error }) => {
    const place = stageThatAdds(graph, of);
    if (!place || isThere(place)) return true;
    found.push({ array, place, like: { kind: 'equal', error, scale: 1 } });
    return false;
  });
  return { found, added: rest };
}

/** The one stage that an array is like, or the several that are side by side in it; a mere scale is the weakest likeness. */
function guessesOf(sketches: readonly Sketch[], stages: readonly Believed[]): readonly Guess[] {
  for (const ways of [asAWhole('equal'), asAWhole('halves'), asAWhole('order'), sideBySide, asAWhole('scale')]) {
    const guesses = ways(sketches, stages);
    if (guesses) return guesses;
  }
  return [];
}

type Guesser = (sketches: readonly Sketch[], stages: readonly Believed[]) => readonly Guess[] | undefined;

/** undefined where there is none; empty where there are several. */
const asAWhole =
  (kind: Likeness['kind']): Guesser =>
  (sketches, stages) => {
    const errors = sketches.flatMap(({ array, rows, last }) =>
      stages.flatMap(({ place, last: other }) => {
        if (other.length !== last.length) return [];
        const like = likenesses(last, other, kind === 'scale' ? 1 : last.length).find((one) => one.kind === kind);
        return like ? [{ guess: { array, rows, place, kind, error: like.error }, error: like.error }] : [];
      }),
    );
    errors.sort((a, b) => a.error - b.error);
    const [best] = errors;
    if (!best || !(best.error <= MOST[kind])) return undefined;
    const key = placeKey(best.guess.place);
    const next = errors.find(({ guess }) => placeKey(guess.place) !== key);
    return next && next.error < Math.max(best.error, 1e-7) * MARGIN ? [] : [best.guess];
  };

const sideBySide: Guesser = (sketches, stages) => {
  const guesses = slicesOf(sketches, stages).map(
    ({ sketch: { array, rows }, stage: { place }, kind, columns }): Guess => ({ array, rows, place, kind, columns }),
  );
  return guesses.length > 0 ? guesses : undefined;
};

/** How an array, or two in sum, is like its stage in all rows; undefined where it is not. */
async function verified(guess: Guess, tensor: Tensor): Promise<Likeness | undefined> {
  const { array, addend, rows, kind } = guess;
  const mine = await rowsLike(guess, array, tensor);
  const theirs = mine && rowsAt(tensor, rows);
  if (!mine || !theirs) return undefined;
  if (addend) {
    const other = await rowsLike(guess, addend, tensor);
    if (!other || !(sumError(measured(mine), measured(other), measured(theirs), MOST.sum) <= MOST.sum))
      return undefined;
    for (let i = 0; i < mine.length; i++) mine[i] = (mine[i] as number) + (other[i] as number);
  }
  return likenesses(mine, theirs, tensor.width).find((one) => one.kind === kind && one.error <= MOST[kind]);
}

/** The rows of an array, or of the columns of it, that stand for those of a tensor. */
async function rowsLike(
  { rows, columns }: Pick<Guess, 'rows' | 'columns'>,
  array: ForeignArray,
  { width }: Tensor,
): Promise<Float32Array | undefined> {
  const arranged = rows.arrange(toFloats(await array.read(), array.dtype));
  const mine = columns ? cutColumns(arranged, rows.width, columns) : arranged;
  return mine.length === rows.positions.length * width ? mine : undefined;
}
