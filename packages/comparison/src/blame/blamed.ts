import type { Explained } from '@llama-probe/diff';
import type { SickCase } from '../diagnosis/collect.js';
import type { CaseSource } from '../diagnosis/stage-case.js';

/** Where causes are looked for: the model, its graph and the tokens. */
export type CaseAbout = Pick<CaseSource, 'model' | 'graph' | 'ids'>;

/** What a second run says, in which every stage starts from inputs that both sides had. */
export interface Blamed {
  readonly explained: Explained;
  /** Its faults with what they were computed from, what came of it and what is right: runs once more. */
  cases(about: CaseAbout): Promise<SickCase[]>;
}
