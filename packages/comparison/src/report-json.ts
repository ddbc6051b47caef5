import type { Report } from './report.js';

/** A number that JSON does not have. */
export interface NonFinite {
  readonly number: 'NaN' | 'Infinity' | '-Infinity';
}

/** Plain data as it is in JSON: wherever there is a number, there may be none. */
export type Encoded<T> = T extends number
  ? number extends T
    ? number | NonFinite
    : T
  : T extends object
    ? { [Key in keyof T]: Encoded<T[Key]> }
    : T;

const NON_FINITE = new Map([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((n) => [String(n), n]));

/**
 * Plain data as JSON, in one line. JSON has no NaN and no infinities: here they are objects with the key `number`.
 *
 * @example encode({ sqnr: Infinity }) === '{"sqnr":{"number":"Infinity"}}'
 */
export const encode = (value: object): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'number' && !Number.isFinite(part) ? { number: String(part) } : part,
  ).replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** What JSON need not escape, and what still steers a terminal: it is JSON that people look at. */
const STEERING = /[\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069]/g;

/** The opposite of `encode`. @throws SyntaxError where the text is not JSON */
export const decode = (text: string): unknown =>
  JSON.parse(text, (_, part: unknown) => {
    const number = part !== null && typeof part === 'object' && 'number' in part ? part.number : undefined;
    return NON_FINITE.get(number as string) ?? part;
  });

/** What a command prints with `--json`: `kind` says which schema it has. */
export type Document<Kind extends string, T extends object> = T & { readonly kind: Kind };

/** @example documentOf('check', { schema: 1, file: 'mine.arrow', … }) */
export function documentOf<const Kind extends string, T extends { readonly schema: 1 }>(
  kind: Kind,
  { schema, ...rest }: T,
): Document<Kind, T> {
  return { schema, kind, ...rest } as unknown as Document<Kind, T>; // the same fields, and these two first
}

/** What `compare --json` and `diff --json` print where they come to a report. */
export type ComparisonDocument = Document<'comparison', Report & Partial<Headed>>;

/** What every output of a comparison begins with. */
export interface Headed {
  /** What is wrong, in a line; null where nothing is known to be. */
  readonly headline: string | null;
  readonly causes: readonly ToldCause[];
}

/** One thing to mend: the same bug in several stages and layers is one of them. */
export interface ToldCause {
  /**
   * The bug with its parameters, 'Unknown bug' ('Unknown bug, which makes NaN'), or 'First wrong stage' where none was looked for.
   *
   * @example 'RoPE has another base frequency (rope_freq_base = 500000)'
   */
  readonly bug: string;
  /** Of `probe bugs`; null where none is known. @example 'rope-halves' */
  readonly id: string | null;
  /** Of the surest of the stages that it explains. */
  readonly confidence: 'confirmed' | 'likely' | 'unknown';
  /** Stages and layers. @example 'q_rope and k_rope, layers 0 to 3', or 'q_rope, layer 0; likely q_rope, layers 1 to 3' */
  readonly place: string;
  /** What to change, or where to begin if no bug is known. */
  readonly look: string;
  /** What speaks for it, or why nothing is known. */
  readonly evidence: string;
  /** Where it is: the faults of the report that it explains; the first wrong stage where none was told from what inherits. */
  readonly at: readonly {
    readonly step: number;
    readonly layer: number | null;
    readonly stage: string;
    readonly confidence: 'confirmed' | 'likely' | 'unknown';
  }[];
}

/** What every command prints with `--json` where it could not do what was asked for. */
export interface Failure {
  readonly schema: 1;
  readonly kind: 'failure';
  readonly verdict: 'incomparable';
  /** What went wrong, and what to do about it. */
  readonly reason: string;
  /** `usage`: a mistake in what was asked for. `internal`: one of this tool. Codes may be added. */
  readonly error: { readonly code: string };
  // What readers of a comparison look at is there, and empty.
  readonly model: null;
  readonly tokens: readonly [];
  readonly reference: null;
  readonly candidate: null;
  readonly first: null;
  readonly stages: readonly [];
  readonly logits: null;
  readonly timings: Readonly<Record<string, never>>;
}

export const failure = (reason: string, code: string): Failure => ({
  schema: 1,
  kind: 'failure',
  verdict: 'incomparable',
  reason,
  error: { code },
  model: null,
  tokens: [],
  reference: null,
  candidate: null,
  first: null,
  stages: [],
  logits: null,
  timings: {},
});
