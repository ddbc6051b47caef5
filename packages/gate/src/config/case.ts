import type { CompareOptions, DiffOptions } from '@llama-probe/comparison/ask';
import type { ReferenceMode } from '@llama-probe/reference';
import type { StageLimit, StagePattern } from '../judge/stage-limits.js';

/** What a case runs. */
export type Work =
  | {
      readonly kind: 'engine';
      readonly options: CompareOptions;
      /** Whether llama.cpp runs beside it, or the baseline stands in for it. */
      readonly against: 'reference' | 'baseline';
    }
  | {
      readonly kind: 'dump';
      readonly candidate: string;
      readonly reference: string | undefined;
      /** How llama.cpp runs if there is no dump of it. */
      readonly llama: ReferenceMode | 'auto' | undefined;
      readonly options: Omit<DiffOptions, 'stages' | 'layers'>;
    };

/** A fault that is allowed until a date. */
export interface KnownFault extends StagePattern {
  /** In the configuration's list. */
  readonly index: number;
  /** The last day, as YYYY-MM-DD. */
  readonly until: string;
  readonly reason: string;
}

/** Where a case stands in its run's matrix. */
export interface Axes {
  /** The model's file name; null for a dump without one. */
  readonly model: string | null;
  /** The requantisation that was asked for; null for the file as it is, and for a dump. */
  readonly quantize: string | null;
  /** The engine's name in the configuration, or who it is; of a dump what its case is called. */
  readonly engine: string;
  /** The prompt's name; null for a dump. */
  readonly prompt: string | null;
}

/** One of the configuration's models, in one quantisation, on one engine, with one prompt; or a dump. */
export interface GateCase {
  /** Safe as a file's name. */
  readonly name: string;
  readonly axes: Axes;
  readonly work: Work;
  readonly limits: readonly (StageLimit & { readonly index: number })[];
  readonly known: readonly KnownFault[];
  /** Where its baseline is; null where there is none by configuration. */
  readonly baseline: string | null;
  /** The files that it needs: where they are said, and their paths. */
  readonly files: readonly (readonly [string, string])[];
}
