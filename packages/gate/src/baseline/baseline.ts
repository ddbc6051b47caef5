import type { Report } from '@llama-probe/comparison';
import type { StageId } from '@llama-probe/diff';

/** What is remembered of one stage: statistics, projections and a hash, not its values. */
export interface BaselineStage extends StageId {
  readonly order: number;
  readonly rows: number;
  readonly width: number;
  /** Values that no mask hides. */
  readonly values: number;
  /** Of the candidate. */
  readonly mean: number;
  readonly rms: number;
  readonly absMax: number;
  readonly referenceRms: number;
  /** ‖candidate − reference‖ / ‖reference‖ */
  readonly rel: number;
  /** The reference's distance from itself; null where it was not measured. */
  readonly floor: number | null;
  /** The most that `rel` might be. */
  readonly limit: number;
  /** Of the candidate's bytes. */
  readonly hash: string;
  /** (PROJECTIONS) Of the reference. */
  readonly reference: ArrayLike<number>;
}

/** What was run, and on what. */
export interface BaselineAbout {
  /** The case's name. */
  readonly name: string;
  /** The version of llama-probe. */
  readonly version: string;
  readonly model: Pick<Report['model'], 'arch' | 'quantization' | 'layers'> & {
    readonly file: string;
    /** SHA-256 of the file that was given, before any requantisation; null where only dumps were. */
    readonly hash: string | null;
    /** The requantisation that was asked for. */
    readonly quantize: string | null;
    /** SHA-256 of the importance matrix that it was made with, if there was one. */
    readonly imatrix?: string;
  };
  /** Prompt, then decoded. */
  readonly tokens: readonly number[];
  /** How many of them were decoded; null where only dumps know. */
  readonly steps: number | null;
  /** A hash of the prompt as it was given; null where only dumps know. */
  readonly prompt: string | null;
  readonly reference: Pick<Report['reference'], 'name' | 'version' | 'mode' | 'cpuVariant'>;
  readonly candidate: Pick<Report['candidate'], 'name' | 'backend' | 'adapter'>;
  readonly floors: Report['floors'];
}

/** A run of an engine as it was when somebody accepted it. */
export interface Baseline extends BaselineAbout {
  readonly stages: readonly BaselineStage[];
}

/** A baseline that cannot be used. */
export class BaselineError extends Error {
  override readonly name = 'BaselineError';
  constructor(
    readonly code: 'baseline-missing' | 'baseline-damaged' | 'baseline-foreign' | 'baseline-unwritable',
    message: string,
  ) {
    super(message);
  }
}
