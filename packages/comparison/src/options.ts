import type { LimitRule, StageId } from '@llama-probe/diff';
import type { Precision } from '@llama-probe/dump';
import type { AdapterKind } from '@llama-probe/engine';
import type { ExactBy, ReferenceMode } from '@llama-probe/reference';
import type { ReadOptions } from './opening.js';

export const ADAPTERS = ['gpu', 'llvmpipe', 'lavapipe', 'swiftshader'] as const satisfies readonly AdapterKind[];
export type AdapterChoice = AdapterKind | 'auto';

export const MODES = ['exact', 'native'] as const satisfies readonly ReferenceMode[];
export type ModeChoice = ReferenceMode | 'auto';

export const WAYS = ['whole', 'block'] as const satisfies readonly ExactBy[];
export type WayChoice = ExactBy | 'auto';

export const PRECISIONS = ['f32', 'f16', 'bf16'] as const satisfies readonly Precision[];
export type PrecisionChoice = Precision | 'auto';

/** What options are where nobody says. */
export const DEFAULTS = {
  adapter: 'auto',
  reference: 'auto',
  exactBy: 'auto',
  steps: 16,
  times: 10,
  top: 20,
  timeout: 60,
} as const;

export interface ModelOptions {
  model?: string;
  quantize?: string;
  /** Which columns are important to --quantize: a file of llama-imatrix. */
  imatrix?: string;
}

export interface PromptOptions {
  prompt?: string;
  promptFile?: string;
  tokens?: string;
  chat?: boolean;
}

/** How limits follow from floors. */
export interface LimitOptions {
  floors?: boolean | undefined;
  margin?: number | undefined;
  minimum?: number | undefined;
  /** Another rule for some stages, made of the usual one. */
  ruleAt?: ((usual: LimitRule) => RuleAt) | undefined;
}

/** One rule for all stages, or each stage's own. */
export type RuleAt = LimitRule | ((at: Pick<StageId, 'stage' | 'layer'>) => LimitRule);

/** What is compared. */
export const CANDIDATES = ['webgpu', 'llama'] as const;
export type CandidateChoice = (typeof CANDIDATES)[number];

export interface RunOptions extends ModelOptions, PromptOptions, LimitOptions {
  steps: number;
  /** The most tokens evaluated at once. */
  ubatch?: number;
  stages?: string;
  layers?: string;
  adapter: AdapterChoice;
  /** The engine's weights are uploaded layer by layer; without it where the adapter does not hold them all. */
  stream?: boolean | undefined;
  reference: ModeChoice;
  /** How the exact reference is evaluated. */
  exactBy?: WayChoice | undefined;
  out?: string;
  json?: boolean;
}

export interface CompareOptions extends RunOptions {
  /** A second run, from inputs that both sides had: always, never, or, where undefined, if the free run diverged. */
  blame?: boolean;
  /** What is compared with llama.cpp, without --engine: the WebGPU engine, unless what follows is given. */
  candidate?: CandidateChoice;
  /** A folder with the libraries of another build of llama.cpp, … */
  llamaLib?: string;
  /** … or the device that llama.cpp runs on, by ggml's name, such as `Vulkan0`. */
  device?: string;
  /** Bugs of the catalogue to put into the engine's run. */
  inject?: string;
  /** A program of the user's in place of the engine: a command line, with {model}, {tokens}, … in it. */
  engine?: string;
  /** Seconds that it may take. */
  engineTimeout?: number;
  /** A mapping file for what it writes. */
  map?: string;
  /** What it computes in; auto: told from the bits of its values. */
  precision?: PrecisionChoice;
  /** The folder that it is executed in; the current one without it. */
  engineFolder?: string;
  /** What only one of them has is no agreement; of two sides of ours it never is. */
  strict?: boolean | undefined;
}

/** Who is compared with llama.cpp, and what only some of them take. */
export type CandidateOptions = Pick<
  CompareOptions,
  | 'adapter'
  | 'candidate'
  | 'device'
  | 'engine'
  | 'engineTimeout'
  | 'inject'
  | 'llamaLib'
  | 'map'
  | 'precision'
  | 'stream'
>;

/** Of a run that is over, which llama.cpp judges by itself. */
export interface BlameOptions extends LimitOptions, ReadOptions {
  /** The GGUF file that was run. */
  model: string;
  reference: ModeChoice;
  exactBy?: WayChoice | undefined;
  /** Only these stages are judged, such as `q_*,kq`, … */
  stages?: string;
  /** … and only in these layers, such as `0-3`. */
  layers?: string;
  /** What the candidate computes in; auto: told from the bits of its values. */
  precision?: PrecisionChoice;
}

export interface DiffOptions extends LimitOptions, ReadOptions {
  /** llama.cpp from the candidate's inputs: always, never, or, where undefined, if the two diverged. Needs a model. */
  blame?: boolean;
  /** Only these stages are judged, such as `q_*,kq`, … */
  stages?: string;
  /** … and only in these layers, such as `0-3`. */
  layers?: string;
  /** What only one dump has makes them incomparable; without it, it is counted. */
  strict?: boolean | undefined;
  /** What the candidate computes in; auto: told from the bits of its values. */
  precision?: PrecisionChoice;
  /** The GGUF file: with its weights the wrong stages can be computed with known bugs in them. */
  model?: string;
}
