import type { Report, SickCase } from '@llama-probe/comparison';
import type { GgufFile } from '@llama-probe/engine';
import type { Cut } from './cut.js';
import type { Target } from './target.js';

/** What a test is made of. */
export interface Found {
  readonly target: Target;
  readonly sick: SickCase;
  readonly cut: Cut;
  /** What llama.cpp computes there, by ggml's name. */
  readonly op?: string | undefined;
}

/** Of what run and model it is. */
export interface About {
  readonly report: Report;
  /** The name of its file or folder. */
  readonly run: string;
  readonly file: GgufFile;
  /** SHA-256 of the model's file. */
  readonly hash: string;
}
