/** What the page shows, as JSON: a report in columns, as small as it can be. */
export interface PageData {
  readonly format: 1;
  /** Of llama-probe. */
  readonly version: string;
  /** When, as ISO 8601. */
  readonly made: string;
  readonly runs: readonly PageRun[];
  /** What words on the page mean. */
  readonly words: readonly Fact[];
  /** Of a page about a change: then the runs are the one after it and the one before it. */
  readonly changes?: PageChanges;
}

/** What became better or worse from one run to another. */
export interface PageChanges {
  /** Is it right now? */
  readonly answer: string;
  /** Did anything else break? */
  readonly broke: string;
  /** The verdict, the first wrong stage and the bugs, in a sentence. */
  readonly summary: string;
  /** What was run otherwise than before. */
  readonly differences: readonly (readonly [what: string, before: string, after: string])[];
  /** Of each stage of the run after: better, worse, the same, or none before. A letter each: b, w, s, n. */
  readonly signs: string;
  /** Worse first. */
  readonly groups: readonly PageChangeGroup[];
  /** How many stages only the run before has. */
  readonly vanished: number;
}

export interface PageChangeGroup {
  readonly sign: 'better' | 'worse';
  /** @example 'q_rope of layers 0 to 3 at steps 0 to 16' */
  readonly place: string;
  readonly stages: number;
  /** @example '8.4e-1 → 1.1e-7' */
  readonly deltas: string;
  readonly verdicts: string;
}

export type Verdict = 'agree' | 'diverged' | 'incomparable';

/** `free`: each side went on with what it computed itself. `blame`: every stage started from the reference's inputs. */
export type Pass = 'free' | 'blame';

/** Numbers as the base64 of little-endian f32: NaN and infinities survive, and it is shorter than digits. */
export type Floats = string;

/** Deltas on a logarithmic scale of 252 levels, one byte each, as base64: right to within 7 %. */
export type Levels = string;

/** A label and what is to be said under it. */
export type Fact = readonly [label: string, text: string];

export interface PageRun {
  readonly name: string;
  readonly verdict: Verdict;
  readonly reason: string;
  /** What is wrong, in a line; null where nothing is known to be. */
  readonly headline: string | null;
  /** Each thing to mend. */
  readonly culprits: readonly PageCulprit[];
  readonly notes: readonly PageNote[];
  /** What was run, and on what. */
  readonly facts: readonly Fact[];
  /** From whose inputs every stage started in the other run. @example "from llama.cpp's inputs" */
  readonly inputs: string;
  readonly candidate: string;
  readonly reference: string;
  readonly tokens: readonly number[];
  readonly places: readonly PagePlace[];
  readonly stages: StageColumns;
  readonly first: PageFirst | null;
  /** null if no run from the reference's inputs was made. */
  readonly faults: readonly PageFault[] | null;
  /** By a stage's number: why it is not right, and where inside it. Only for as many as there is room for. */
  readonly whys: Readonly<Record<string, PageWhy>>;
  /** For how many stages that was left out. */
  readonly whysLeft: number;
  readonly looks: Readonly<Record<Pass, Readonly<Record<string, PageLook>>>>;
  /** What was left out for size; empty if nothing was. */
  readonly cut: string;
  readonly logits: PageLogits | null;
  readonly said: readonly Fact[];
  /** Remarks on the greedy choices and on tokens. */
  readonly remarks: readonly string[];
  readonly checks: readonly PageChecks[];
  readonly observations: readonly { readonly text: string; readonly differs: boolean }[];
  readonly unseen: readonly Fact[];
  readonly ignored: readonly string[];
}

export interface PageCulprit {
  /** The bug, the stages, the layers. */
  readonly name: string;
  readonly look: string;
  readonly sure: string;
}

export interface PageNote {
  readonly level: 'error' | 'warning' | 'notice';
  readonly text: string;
  /** The stage that it is about, by its number. */
  readonly at: number | null;
}

/** A stage of a layer, whatever the step. */
export interface PagePlace {
  readonly stage: string;
  /** null for stages of the whole model. */
  readonly layer: number | null;
  /** The places that it is computed from. */
  readonly inputs: readonly number[];
}

/** Every stage of every step in evaluation order, a column for each thing that is known of it. */
export interface StageColumns {
  readonly step: readonly number[];
  readonly place: readonly number[];
  readonly rms: Floats;
  readonly rel: Floats;
  /** −1 where it was not measured. */
  readonly floor: Floats;
  readonly limit: Floats;
  readonly ofLimit: Floats;
  /** −1 if no run from the reference's inputs was made. */
  readonly local: Floats;
  /** One letter each: agree, diverged, incomparable. */
  readonly verdict: string;
  /** The number of the stage whose error it inherits, or −1. */
  readonly inherits: readonly number[];
}

export interface PageFirst {
  /** The stage's number. */
  readonly at: number;
  readonly token: number | null;
  readonly where: string | null;
  readonly cause: PageCause | null;
}

export interface PageCause {
  readonly id: string;
  readonly title: string;
  readonly confidence: 'confirmed' | 'likely' | 'unknown';
  /** The known bug; null where none gives the numbers. */
  readonly bug: PageBug | null;
  /** All of it in words, where there is no known bug to show. */
  readonly text: string;
  /** Known bugs that were tried, best first; only for the first fault of its kind. */
  readonly tried: readonly PageTried[];
  /** Other known bugs that give the same numbers from these inputs. */
  readonly alike: readonly string[];
  readonly hint: string | null;
}

export interface PageBug {
  /** What it changes about the stage. */
  readonly changes: string;
  readonly look: string;
  readonly parameters: string;
}

export interface PageTried {
  readonly title: string;
  readonly source: string;
  readonly parameters: string;
  readonly before: number;
  readonly after: number;
}

/** A stage that is wrong even from the reference's inputs. */
export interface PageFault {
  readonly place: number;
  readonly steps: readonly number[];
  readonly token: number | null;
  /** −1 where a side is not finite. */
  readonly local: number;
  readonly limit: number;
  readonly reason: string | null;
  readonly where: string | null;
  readonly cause: PageCause | null;
}

export interface PageWhy {
  readonly reason?: string;
  readonly where?: string;
}

/** A closer look at one stage. */
export interface PageLook {
  /** In the order of METRICS. */
  readonly metrics: Floats;
  /** The position of the first row where they follow each other; else of each. */
  readonly tokens: number | readonly number[];
  /** (rows) ‖a−b‖ / ‖b‖ */
  readonly rows: Floats;
  readonly heads?: number;
  /** (rows, heads) */
  readonly headRows?: Levels;
  readonly histogram?: PageHistogram;
  /** (n, 4): token, index, candidate, reference. */
  readonly worst?: Floats;
  readonly values?: readonly PageValues[];
}

/** How many values have which |a−b|, by powers of two from 2^exponent on. */
export interface PageHistogram {
  readonly zeros: number;
  readonly nonFinite: number;
  readonly exponent: number;
  readonly counts: readonly number[];
}

/** A part of a row on both sides. */
export interface PageValues {
  readonly token: number;
  /** The index of the first value. */
  readonly from: number;
  readonly candidate: Floats;
  readonly reference: Floats;
  readonly width: number;
}

/** What `PageLook.metrics` holds. */
export const METRICS = [
  'rows',
  'width',
  'referenceRms',
  'maxAbs',
  'worstToken',
  'worstIndex',
  'cosine',
  'sqnr',
  'distance',
  'rowLimit',
  'valueLimit',
  'nanCandidate',
  'nanReference',
  'infCandidate',
  'infReference',
] as const;

export interface PageLogits {
  readonly candidate: readonly PageLogit[];
  readonly reference: readonly PageLogit[];
  readonly klDivergence: string;
}

export interface PageLogit {
  readonly id: number;
  readonly text: string | null;
  readonly logit: string;
}

/** What holds of a side by itself. */
export interface PageChecks {
  readonly side: string;
  readonly broken: readonly string[];
  readonly more: number;
  /** Which checks looked at how many rows. */
  readonly checked: readonly Fact[];
}
