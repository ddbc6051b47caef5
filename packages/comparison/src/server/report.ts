import type { TextFloor, TextLimits } from '../text/limits.js';
import type { Spelt } from '../text/report.js';

/** A token, and how likely it is. */
export interface Probable extends Spelt {
  readonly probability: number;
}

/** A position, and what both sides say follows. */
export interface ServerPosition {
  readonly position: number;
  readonly token: Spelt;
  /** Whether the server was given it, or has decoded it itself. */
  readonly from: 'prompt' | 'decoded';
  /** KL(reference ‖ server) in nats, of what both say: at least that. */
  readonly kl: number;
  readonly limit: number;
  /** The probability of the tokens that are compared, by each. */
  readonly covered: { readonly reference: number; readonly candidate: number };
  /** Whether both take the same token for the likeliest; null where it cannot be told which the server's is. */
  readonly isSameTop: boolean | null;
}

/** The first position that departs. */
export interface FirstDeparting extends ServerPosition {
  /** The text up to it. */
  readonly context: string;
  /** The likeliest tokens, by each. */
  readonly top: { readonly reference: readonly Probable[]; readonly candidate: readonly Probable[] };
  /** The same prefix asked again as a prompt, where the server had decoded it; null where it had not, or could not be asked. */
  readonly asPrompt: { readonly kl: number; readonly agrees: boolean } | null;
}

/** One of what a cause is made of. */
export interface ServerCausePart {
  readonly id: string;
  /** The token that a logit bias is on. */
  readonly token: number | null;
  readonly value: number | null;
}

/** What makes the server's numbers of the reference's. */
export interface ServerCause {
  readonly id: string;
  readonly title: string;
  /** null where there is none, or several. */
  readonly value: number | null;
  /** Itself; both where two act together, and each token of a logit bias. */
  readonly parts: readonly ServerCausePart[];
  /** What is left of the largest and the mean KL divergence then, and what they are without, at the positions that it is seen at. */
  readonly kl: { readonly max: number; readonly mean: number };
  readonly before: { readonly max: number; readonly mean: number };
  readonly positions: number;
  readonly look: string;
}

/** What is said of a server's answers. */
export interface ServerReport {
  readonly schema: 1;
  readonly verdict: 'agree' | 'diverged' | 'incomparable';
  readonly reason: string;
  readonly model: { readonly file: string; readonly arch: string };
  readonly reference: { readonly name: string; readonly version: string; readonly mode: string };
  readonly candidate: { readonly address: string; readonly model: string | null };
  /** How the server was asked, and what it did. */
  readonly asked: {
    readonly endpoint: string;
    readonly prompt: 'ids' | 'text' | 'chat';
    readonly way: 'echo' | 'steps' | 'chat';
    readonly tokensAs: 'ids' | 'bytes' | 'text';
    readonly temperature: number;
    readonly top: number;
    /** How many likely tokens came, at the fewest and at the most. */
    readonly returned: { readonly fewest: number; readonly most: number };
    /** Decimals of its numbers; null where they have as many as a float. */
    readonly decimals: number | null;
    readonly isBf16: boolean;
    readonly requests: number;
    /** How many tokens the prompt had, here and by the server. */
    readonly promptTokens: { readonly sent: number; readonly ran: number | null };
    readonly tried: readonly { readonly what: string; readonly outcome: string }[];
  };
  /** The prompt, and what the server decoded. */
  readonly tokens: readonly number[];
  readonly prompt: number;
  readonly statistics: {
    readonly positions: number;
    readonly meanKl: number;
    /** The same without what the rounding of the server's numbers explains. */
    readonly meanKlUnrounded: number;
    readonly maxKl: number;
    readonly sameTop: number;
    /** The mean probability that the reference gives to the tokens that the server names. */
    readonly covered: number;
  };
  readonly floor: Omit<TextFloor, 'windows'>;
  readonly limits: TextLimits;
  readonly positions: readonly ServerPosition[];
  readonly over: number;
  readonly first: FirstDeparting | null;
  /** Several where they cannot be told apart; none where none of those that are known makes these numbers. */
  readonly causes: readonly ServerCause[];
  readonly pointsTo: readonly string[];
  readonly notCompared: { readonly missing: number; readonly unresolved: number };
  readonly notes: readonly string[];
  /** What to type next. */
  readonly next: readonly string[];
  readonly milliseconds: number;
}

type Judged = Pick<
  ServerReport,
  'statistics' | 'limits' | 'over' | 'first' | 'causes' | 'asked' | 'tokens' | 'positions' | 'notCompared'
>;

const short = (kl: number): string => kl.toExponential(1);

/** The verdict on what was measured, and why. */
export function verdictOf(found: Judged): Pick<ServerReport, 'verdict' | 'reason'> {
  const { statistics, limits, over, first, causes } = found;
  const { positions, maxKl, meanKl } = statistics;
  const isMeanOver = statistics.meanKlUnrounded > limits.mean;
  if (positions === 0) return { verdict: 'incomparable', reason: `There is nothing to compare. ${left(found)}`.trim() };
  const named = causes.length === 0 ? '' : ` ${causeText(causes)}`;
  if (first && over > 0) {
    const where = first.from === 'decoded' ? 'which the server has decoded itself' : 'of the prompt';
    const reason = `Token ${first.position} (${where}) is the first after which the server's probabilities are apart from the reference's: a KL divergence of at least ${short(first.kl)}, the limit is ${short(first.limit)}. So are ${over} of ${positions} positions.${named}`;
    return { verdict: 'diverged', reason: [reason, left(found)].filter(Boolean).join(' ') };
  }
  if (isMeanOver || causes.length > 0) {
    const how = isMeanOver
      ? `and the mean KL divergence is: ${short(meanKl)}, the limit is ${short(limits.mean)}. Something is a little wrong everywhere.`
      : 'and yet what they differ by is no rounding.';
    const reason = `No single position is over its limit of ${short(limits.position)}, ${how}${named}`;
    return { verdict: 'diverged', reason: [reason, left(found)].filter(Boolean).join(' ') };
  }
  const reason = `At all ${positions} positions the KL divergence, of what the server says, is within the limit of ${short(limits.position)}; the largest is ${short(maxKl)}, the mean ${short(meanKl)}. The tokens that were compared have ${(100 * statistics.covered).toFixed(1)} % of the probability.`;
  return { verdict: 'agree', reason: [reason, left(found)].filter(Boolean).join(' ') };
}

function causeText(causes: readonly ServerCause[]): string {
  const [only] = causes;
  if (causes.length === 1 && only) return `The cause: ${only.title}.`;
  return `The cause is one of these, which cannot be told apart here: ${causes.map(({ title }) => title).join('; ')}.`;
}

function left({ notCompared: { missing } }: Judged): string {
  if (missing === 0) return '';
  return `${missing} ${missing === 1 ? 'position' : 'positions'} could not be compared.`;
}
