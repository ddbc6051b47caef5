import type { Explained } from '@llama-probe/diff';
import type { NodeOperation, Place } from '@llama-probe/dump';
import type { SickCase } from '../diagnosis/collect.js';
import type { CaseSource } from '../diagnosis/stage-case.js';

/** Where causes are looked for: the model, its graph and the tokens. */
export type CaseAbout = Pick<CaseSource, 'model' | 'graph' | 'ids' | 'operations'>;

/** What a second run says, in which every stage starts from inputs that both sides had. */
export interface Blamed {
  readonly explained: Explained;
  /** Its faults with what they were computed from, what came of it and what is right: runs once more. */
  cases(about: CaseAbout): Promise<SickCase[]>;
  /** What its model computes by its own graph, of whoever can say it, and of which places that run has the rows. */
  readonly computes?: { nodes(): Promise<readonly NodeOperation[]>; has(place: Place): boolean };
}
