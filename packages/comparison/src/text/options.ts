import type { CandidateOptions, ModeChoice, ModelOptions, WayChoice } from '../options.js';

export const FINDS = ['onset'] as const;

/** What `probe text` is asked with. */
export interface TextOptions extends ModelOptions, CandidateOptions {
  /** A text that is cut into windows, … */
  text?: string;
  /** … prompts, one a line, or a folder of dumps, one a prompt, … */
  prompts?: string;
  /** … or llama.cpp's log-probabilities of a text, which are the reference then. */
  base?: string;
  saveBase?: string;
  /** Keeps the windows that are done, so that a run that was ended goes on from there. */
  state?: string;
  window?: number;
  stride?: number;
  /** The most windows, or prompts. */
  windows?: number;
  /** How many positions' stages are compared at most. */
  worst?: number;
  find?: (typeof FINDS)[number];
  ubatch?: number;
  reference: ModeChoice;
  exactBy?: WayChoice | undefined;
  floors?: boolean | undefined;
  margin?: number | undefined;
  minimum?: number | undefined;
}
