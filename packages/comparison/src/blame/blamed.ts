import type { Explained, StageResult } from '@llama-probe/diff';
import type { Graph, Heads, NodeOperation, Place } from '@llama-probe/dump';
import type { SickCase } from '../diagnosis/collect.js';
import type { CaseSource } from '../diagnosis/stage-case.js';
import type { SickStretch } from '../diagnosis/stretch.js';

/** Where causes are looked for: the model, its graph and the tokens. */
export type CaseAbout = Pick<CaseSource, 'model' | 'graph' | 'ids' | 'operations' | 'anyway'>;

/** What was run a second time. */
export interface BlamedOf {
  /** Prompt, then decoded. */
  readonly ids: readonly number[];
  readonly heads: Heads;
  /** Whether both runs have rows of a place that can be compared. */
  has(place: Place): boolean;
}

/** What a second run says, in which every stage starts from inputs that both sides had. */
export interface Blamed {
  readonly explained: Explained;
  /** All of its stages, each with its own limits. */
  readonly stages: readonly StageResult[];
  /** Its faults, or others of its stages, with what they were computed from, what came of it and what is right: runs once more. */
  cases(about: CaseAbout, of?: readonly SickCase['fault'][]): Promise<SickCase[]>;
  /** How many stages lie before one of its faults that the candidate does not have. */
  gap?(graph: Graph, of: Place): number;
  /** What lies before one of its faults and the candidate does not have, with its rows; undefined where it has all of that, or nobody knows. */
  stretch?(about: CaseAbout, of: SickCase['fault']): Promise<SickStretch | undefined>;
  /** What its model computes by its own graph, of whoever can say it, and of which places that run has the rows. */
  readonly computes?: { nodes(): Promise<readonly NodeOperation[]>; has(place: Place): boolean };
}
