import type { ModeChoice, ModelOptions, PrecisionChoice, PromptOptions, WayChoice } from '../options.js';

/** What `probe server` is asked with. */
export interface ServerOptions extends ModelOptions, PromptOptions {
  /** Another server, which is the reference then. */
  against?: string;
  /** What the server calls the model. */
  served?: string;
  /** Tokens that it decodes after the prompt. */
  steps: number;
  /** What follows so many of the prompt's last tokens is all that is asked of it. */
  last?: number;
  /** How many likely tokens are asked for. */
  top: number;
  /** Of one request, in seconds. */
  timeout: number;
  /** The environment variables that hold the keys. */
  keyEnv?: string;
  againstKeyEnv?: string;
  reference: ModeChoice;
  exactBy?: WayChoice | undefined;
  /** What the server computes in, which nobody can tell from what it answers; auto: 16 bits or quantised activations. */
  precision?: PrecisionChoice;
  floors?: boolean | undefined;
  margin?: number | undefined;
  minimum?: number | undefined;
}
