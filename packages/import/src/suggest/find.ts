import type { RecordedRun, Tensor } from '@llama-probe/dump';
import { type Place, placeKey } from '@llama-probe/dump/stage';
import type { ForeignArray } from '../array.js';
import { isFloat, toFloats } from '../dtype.js';
import type { Rows } from '../shape/rows.js';
import { arrangementsOf } from './arrangement.js';
import { columnsLike, LEAST_WIDTH, type Likeness, likenesses, MARGIN, MOST } from './likeness.js';

/** An array whose numbers are those of a stage. */
export interface Found {
  readonly array: ForeignArray;
  readonly place: Place;
  readonly columns?: readonly [number, number];
  readonly like: Likeness;
}

interface Sketch {
  readonly array: ForeignArray;
  readonly rows: Rows;
  /** Of the last token, which sees all others. */
  readonly last: Float32Array;
}

interface Believed {
  readonly place: Place;
  readonly last: Float32Array;
}

interface Guess extends Omit<Found, 'like'> {
  readonly rows: Rows;
  readonly kind: Likeness['kind'];
}

/**
 * Which stage of a whole run each of these arrays is, by their numbers. Each array is read once for its last row, which is held to that of every stage of the same width;
 * what is like one and like no other is then held to it in all its rows.
 *
 * A heuristic: an array that is wrong from the bottom up is like nothing, and is not found.
 *
 * @param isTaken stages that another array is already
 */
export async function findStages(
  arrays: readonly ForeignArray[],
  reference: RecordedRun,
  path: string,
  isTaken: (place: Place) => boolean,
): Promise<readonly Found[]> {
  const { stages, tokens } = await lastRows(reference, isTaken);
  const guesses = new Map<string, Guess>();
  for (const array of arrays) {
    if (!isFloat(array.dtype)) continue;
    for (const guess of guessesOf(await sketchesOf(array, path, tokens), stages)) {
      const key = placeKey(guess.place);
      if (!guesses.has(key)) guesses.set(key, guess);
    }
  }
  const found: Found[] = [];
  for await (const tensor of reference.tensors()) {
    const guess = tensor.step === 0 ? guesses.get(placeKey(tensor)) : undefined;
    const like = guess && (await verified(guess, tensor));
    if (guess && like) {
      const { array, place, columns } = guess;
      found.push({ array, place, like, ...(columns ? { columns } : {}) });
    }
  }
  return found;
}

async function lastRows(reference: RecordedRun, isTaken: (place: Place) => boolean) {
  const stages: Believed[] = [];
  let tokens = 0;
  for await (const { step, stage, layer, positions, width, values } of reference.tensors()) {
    if (step > 0) break;
    tokens = Math.max(tokens, 1 + (positions.at(-1) ?? -1));
    if (width >= LEAST_WIDTH && !isTaken({ stage, layer }))
      stages.push({ place: { stage, layer }, last: values.slice(values.length - width) });
  }
  return { stages, tokens };
}

async function sketchesOf(array: ForeignArray, path: string, tokens: number): Promise<readonly Sketch[]> {
  const ways = arrangementsOf(array, path, tokens).filter(({ width }) => width >= LEAST_WIDTH);
  if (ways.length === 0) return [];
  const values = toFloats(await array.read(), array.dtype);
  return ways.map((rows) => ({ array, rows, last: rows.arrange(values).slice(-rows.width) }));
}

/** The one stage that an array is like, or the several that are side by side in it; a mere scale is the weakest likeness. */
function guessesOf(sketches: readonly Sketch[], stages: readonly Believed[]): readonly Guess[] {
  for (const ways of [whole('equal'), whole('order'), sideBySide, whole('scale')]) {
    const guesses = ways(sketches, stages);
    if (guesses) return guesses;
  }
  return [];
}

type Guesser = (sketches: readonly Sketch[], stages: readonly Believed[]) => readonly Guess[] | undefined;

/** undefined where there is none; empty where there are several. */
const whole =
  (kind: Likeness['kind']): Guesser =>
  (sketches, stages) => {
    const errors = sketches.flatMap(({ array, rows, last }) =>
      stages.flatMap(({ place, last: other }) => {
        if (other.length !== last.length) return [];
        const like = likenesses(last, other, kind === 'scale' ? 1 : last.length).find((one) => one.kind === kind);
        return like ? [{ guess: { array, rows, place, kind }, error: like.error }] : [];
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
  const guesses = sketches.flatMap(({ array, rows, last }) =>
    stages.flatMap(({ place, last: other }): Guess[] => {
      const from = other.length < last.length ? columnsLike(last, other) : undefined;
      return from === undefined ? [] : [{ array, rows, place, kind: 'equal', columns: [from, from + other.length] }];
    }),
  );
  return guesses.length > 0 ? guesses : undefined;
};

/** How an array is like its stage in all rows; undefined where it is not. */
async function verified({ array, rows, kind, columns }: Guess, tensor: Tensor): Promise<Likeness | undefined> {
  const arranged = rows.arrange(toFloats(await array.read(), array.dtype));
  const { width, positions, values } = tensor;
  const [from, to] = columns ?? [0, rows.width];
  const count = rows.positions.length;
  const first = positions.indexOf(rows.positions[0] as number);
  if (first < 0 || first + count > positions.length || to - from !== width) return undefined;
  const mine = new Float32Array(count * width);
  for (let row = 0; row < count; row++)
    mine.set(arranged.subarray(row * rows.width + from, row * rows.width + to), row * width);
  const theirs = values.subarray(first * width, (first + count) * width);
  return likenesses(mine, theirs, width).find((one) => one.kind === kind && one.error <= MOST[kind]);
}
