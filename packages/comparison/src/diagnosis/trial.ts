import type { Floor, LimitRule } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import { type Bug, CATALOGUE, type Diagnosis } from '@llama-probe/oracle';

/** One bug, put into one layer of a healthy run. */
export interface Trial {
  readonly id: string;
  /** null where it was put into the model-wide stages. */
  readonly layer: number | null;
  readonly run: 'free' | 'teacher-forced';
  /** `unseen`: it changed nothing by more than the limits allow, so there was nothing to find. */
  readonly found: 'right' | 'wrong' | 'unseen';
  /** The place that was found first. */
  readonly at: string | null;
  /** `first`; `tied` where other bugs compute the same from these inputs and one of them is named; `no`. */
  readonly named: 'first' | 'tied' | 'no' | null;
  readonly confidence: Diagnosis['confidence'] | null;
  readonly name: string | null;
  /** What its numbers say by themselves, were the bug not known; absent where that is nothing, or was not looked for. */
  readonly byNumbers?: string;
}

/** What came of a trial. */
export type Outcome = Pick<Trial, 'found' | 'at' | 'named' | 'confidence' | 'name' | 'byNumbers'>;

export const UNSEEN: Outcome = { found: 'unseen', at: null, named: null, confidence: null, name: null };

/** The bugs of a run that can be put into one: all of them, or those of these ids. */
export const bugsToPut = (ids: readonly string[] | undefined): Bug[] =>
  CATALOGUE.filter(({ id, stages }) => !stages.includes('tokens') && (ids?.includes(id) ?? true));

/** The first, the middle and the last layer. */
export const someLayers = (last: number): number[] => [...new Set([0, Math.ceil(last / 2), last])];

/** What is told while a bug is being put into a layer. @param done how many bugs were tried before, of so many */
export const aboutTrial = (id: string, layer: number | null, done: number, of: number): string =>
  `${id} (${done + 1} of ${of}) in ${layer === null ? 'the whole model' : `layer ${layer}`}`;

/** How a diagnosis calls a bug that was put in. */
export function namedAs(
  { id }: Bug,
  { confidence, candidates, indistinguishable }: Pick<Diagnosis, 'confidence' | 'candidates' | 'indistinguishable'>,
): Pick<Outcome, 'name'> & { readonly named: 'first' | 'tied' | 'no' } {
  const name = confidence === 'unknown' ? null : (candidates[0]?.id ?? null);
  return { name, named: name === id ? 'first' : name !== null && indistinguishable.includes(id) ? 'tied' : 'no' };
}

/** Whether rows are further from the right ones than their stage's limit; told without the comparison that is on trial. */
export function isChanged(
  sick: Float32Array,
  right: Float32Array,
  floor: Floor | undefined,
  { margin, minimum }: LimitRule,
): boolean {
  let [delta, size] = [0, 0];
  for (const [i, wanted] of right.entries()) {
    const value = sick[i] as number;
    if (Number.isNaN(wanted)) continue; // what the mask hides
    if (!Number.isFinite(value)) return true;
    delta += (value - wanted) ** 2;
    size += wanted ** 2;
  }
  const limit = Math.max(margin * (floor?.rel ?? 0), minimum);
  return delta > limit * limit * size;
}

export async function* stream(tensors: readonly Tensor[]): AsyncGenerator<Tensor> {
  yield* tensors;
}
