export type ObservationKind =
  | 'dead-rows'
  | 'exploding-rows'
  | 'constant-rows'
  | 'uniform-attention'
  | 'attention-entropy'
  | 'rms-growth'
  | 'repeated-logits'
  | 'positive-logits'
  | 'negative-logits'
  | 'same-token-everywhere';

/** A fact about numbers of the candidate, beside the reference's own. */
export interface Observation {
  readonly kind: ObservationKind;
  readonly step: number;
  readonly layer: number | null;
  readonly stage: string;
  /** Rows, nats, or a factor of growth. */
  readonly candidate: number | null;
  /** The same of the reference; null where it has no such stage. */
  readonly reference: number | null;
  /** What the two are of: so many rows, or the maximal entropy. */
  readonly scale?: number;
  readonly text: string;
  /** The reference's numbers are others: worth a look. Otherwise they are as they should be, or nobody knows. */
  readonly differs: boolean;
}

/** An observation at its place in the evaluation. */
export interface Noted extends Observation {
  readonly order: number;
}

const MOST = 10;

/** Of each kind the first place that differs from the reference and the first that does not; those that differ come first. */
export function mostTelling(noted: readonly Noted[]): Observation[] {
  const groups = new Map<string, { first: Noted; places: number }>();
  for (const one of [...noted].sort(byPlace)) {
    const key = `${one.kind}/${one.differs}`;
    const group = groups.get(key);
    if (group) group.places++;
    else groups.set(key, { first: one, places: 1 });
  }
  return [...groups.values()]
    .sort((a, b) => Number(b.first.differs) - Number(a.first.differs) || byPlace(a.first, b.first))
    .slice(0, MOST)
    .map(({ first: { order: _, ...first }, places }) => ({ ...first, text: `${first.text}${more(places - 1)}` }));
}

const byPlace = (a: Noted, b: Noted): number => a.step - b.step || a.order - b.order;

function more(places: number): string {
  return places === 0 ? '' : ` ${places} other ${places === 1 ? 'place is' : 'places are'} like it.`;
}

/** With three digits. @example digits(2.8749) === '2.87' */
export const digits = (value: number): string => String(Number(value.toPrecision(3)));

/** What the reference has of it, as the end of a sentence. @param has such as '1.21'; undefined where nobody knows */
export function besides(name: string, has: string | undefined, differs: boolean): string {
  if (has === undefined) return `${name} has nothing to compare it with`;
  if (differs) return `${name} has ${has}`;
  return `as ${name} has it${has ? ` (${has})` : ''}`;
}

/** How many of the candidate's remarkable rows are so in the reference. @param covered how many of them it has at all */
export function rowsBesides(name: string, same: number, covered: number, differs: boolean): string {
  if (covered === 0) return besides(name, undefined, differs);
  if (same === covered) return besides(name, '', differs);
  return besides(name, same > 0 ? `${same} of these` : differs ? 'none' : 'nearly', differs);
}
