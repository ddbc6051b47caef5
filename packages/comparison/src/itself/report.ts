import { describe, short, showLimit } from '@llama-probe/diff';

/** A row that is not the same both ways. */
export interface Differing {
  readonly position: number;
  readonly layer: number | null;
  readonly stage: string;
  /** ‖a−b‖ / ‖b‖ of the row; null where one of the two alone has NaN or Inf. */
  readonly delta: number | null;
  readonly limit: number;
  readonly floor: number | null;
}

export interface FirstDiffering extends Differing {
  /** The last stage before it whose row of this position is the same; null where none was compared. */
  readonly after: { readonly layer: number | null; readonly stage: string } | null;
  /** What it points to, a sentence each. */
  readonly pointsTo: readonly string[];
}

/** One way of computing the tokens, held to the prefill. */
export interface WayReport {
  readonly name: string;
  readonly batches: string;
  readonly verdict: 'agree' | 'diverged' | 'incomparable';
  /** Rows that were compared. */
  readonly rows: number;
  readonly stages: number;
  /** Whether all of them are the same to the bit. */
  readonly isBitwise: boolean;
  /** The row that is closest to its limit, or farthest over it. */
  readonly worst: Differing | null;
  readonly first: FirstDiffering | null;
  /** Of each position that differs the first stage that does. */
  readonly differing: readonly (Differing & { readonly stages: number })[];
  readonly notes: readonly string[];
}

/** What is said of an engine that was held to itself. */
export interface Itself {
  readonly schema: 1;
  readonly verdict: 'agree' | 'diverged' | 'incomparable';
  readonly reason: string;
  readonly candidate: { readonly name: string; readonly version: string; readonly adapter?: string };
  readonly tokens: readonly number[];
  /** What the others are held to. */
  readonly base: { readonly name: string; readonly batches: string };
  /** What limits follow from. */
  readonly precision: 'f32' | 'bf16' | 'f16' | 'native';
  readonly ways: readonly WayReport[];
  readonly notes: readonly string[];
}

/** The verdict over all ways, and why. */
export function verdictOf(
  { name }: Itself['base'],
  ways: readonly WayReport[],
  tokens: number,
): Pick<Itself, 'verdict' | 'reason'> {
  const wrong = ways.filter(({ verdict }) => verdict === 'diverged');
  const first = wrong.find((way) => way.first)?.first;
  if (first) {
    const way = wrong.find((one) => one.first === first) as WayReport;
    const others = wrong.filter((one) => one !== way).map((one) => `${one.name}: ${placed(one.first)}`);
    const reason = `Token ${first.position} is the first that is not the same in ${way.name} as in ${name}, and ${describe({ step: 0, ...first })} its first stage that is not${afterText(first)}: ${howFar(first)}.`;
    const right = ways.filter(({ verdict }) => verdict === 'agree').map((one) => one.name);
    const rest = [
      ...(others.length > 0 ? [`Also ${others.join('; ')}.`] : []),
      ...(right.length > 0 ? [`The same as ${name}: ${right.join(', ')}.`] : []),
    ];
    return { verdict: 'diverged', reason: [reason, ...first.pointsTo, ...rest].join(' ') };
  }
  const unknown = ways.find(({ verdict }) => verdict === 'incomparable');
  if (unknown || ways.length === 0)
    return {
      verdict: 'incomparable',
      reason: unknown ? `${unknown.name}: ${unknown.notes.join(' ')}` : 'There is nothing to hold the prefill to.',
    };
  const worst = ways.flatMap((way) => way.worst ?? []).reduce<Differing | undefined>(worse, undefined);
  const closest =
    worst && (worst.delta ?? 0) > 0
      ? ` The row that is closest to what rounding explains is that of token ${worst.position} at ${describe({ step: 0, ...worst })}: ${howFar(worst)}.`
      : ' They are the same to the bit.';
  const names = ways.map((way) => way.name).join(', ');
  return { verdict: 'agree', reason: `All ${tokens} tokens are the same in ${name} and in ${names}.${closest}` };
}

const worse = (a: Differing | undefined, b: Differing): Differing => (a && share(a) >= share(b) ? a : b);

/** How much of its limit a row takes. */
export const share = ({ delta, limit }: Pick<Differing, 'delta' | 'limit'>): number =>
  delta === null ? Number.POSITIVE_INFINITY : delta / limit;

const afterText = ({ after }: FirstDiffering): string =>
  after ? ` (${describe({ step: 0, ...after })}, before it, still is)` : '';

const placed = (first: FirstDiffering | null): string =>
  first ? `token ${first.position}, ${describe({ step: 0, ...first })}` : 'nothing';

/** @example 'its relative delta is 1.2e+0, and rounding explains 4e-5' */
export function howFar({ delta, limit, floor }: Differing): string {
  if (delta === null) return 'one of the two has NaN or Inf there, and the other has not';
  const measured = floor === null ? '' : ` (measured: ${short(floor)})`;
  return `its relative delta is ${short(delta)}, and rounding explains ${showLimit(limit)}${measured}`;
}
