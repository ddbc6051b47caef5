import type { Unseen } from '@llama-probe/diff';
import type { DumpMetadata, Graph, Heads, NodeOperation, Place, Tensor } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import type { RoundTo } from '@llama-probe/reference';
import type { Effect, Injection } from './diagnosis/injected-run.js';
import type { FloorSource } from './floors/source.js';
import type { Progress } from './progress.js';
import type { Sources } from './sources.js';

/**
 * Whatever answers "the tensors of this model on these tokens": llama.cpp, an engine, a file. What it can do beyond that, it says of itself;
 * nothing asks which kind of side it is.
 */
export interface Side extends AsyncDisposable {
  readonly about: SideAbout;
  /** What it ran, prompt then decoded, of a side whose run is over; one that can run any tokens has none. */
  readonly recorded?: {
    readonly tokens: readonly number[];
    promptLength(): Promise<number>;
    /** The prompt that it was told to run, of one that was told. */
    readonly asked?: readonly number[];
  };
  /** Its tensors have some columns only: neither checks nor layouts nor blame can be had of it. */
  readonly isExcerpt?: true;
  /** Its Q and K were in half-split order before they were put into the reference's. */
  readonly pairs?: 'halves' | undefined;
  /** The stages whose heads it has in half-split order, though its rows come in the reference's. */
  readonly halfSplit?: ReadonlySet<string> | undefined;
  readonly text?: TextTools;
  /** @throws before anything runs where it cannot run this */
  check?(run: RunPlan): void;
  /** How many tokens of a run of so many it takes at once. */
  ubatch?(capacity: number): number;
  /** May be called again, and while another run of a recorded side is being read. */
  run(run: RunPlan): SideRun;
  /** The names of what it has; those of the vocabulary without it. */
  readonly stages?: readonly string[];
  /** `run({ …, from })` goes on from other rows at every stage. */
  readonly canStartFrom?: true;
  /** `run({ …, round })` rounds every stage. */
  readonly canRound?: true;
  /** What its model computes, node by node, and what is hidden when it runs these tokens. */
  operations?(run: Pick<RunPlan, 'tokens' | 'ubatch'>): Promise<readonly NodeOperation[]>;
  /** How far what it computes is from itself: others are judged by it. */
  floor?(run: RunPlan, signal: AbortSignal): Promise<FloorSource>;
  /** What a dump of such a run says about itself. */
  describe(run: RunAbout): Promise<DumpMetadata>;
  /** The model's file, of a side that reads its weights. */
  readonly file?: GgufFile;
  /** The bugs that are put into its runs, each with what it has done to them so far. */
  readonly injected?: ReadonlyMap<Injection, Effect>;
  /** What agreement of this candidate says nothing of. */
  readonly doesNotShow?: readonly Unseen[];
  readonly memory?: { readonly weights: number; readonly state: number; readonly arena: number } | undefined;
  close(): Promise<void>;
}

/** What may be told and asked while a side opens. */
export interface Opening {
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Who computes what. What is not known is left out. */
export interface SideAbout {
  /** Which lines of its code compute which stages. */
  readonly sources?: Sources | undefined;
  /** @example 'llama.cpp' */
  readonly name: string;
  readonly version: string;
  readonly backend?: string;
  readonly adapter?: string;
  /** Which weights and sums: `exact` or `native`. */
  readonly mode?: string;
  /** Why this mode. */
  readonly why?: string;
  readonly cpuVariant?: string;
  /** The known bugs that are put into its runs. */
  readonly injected?: readonly string[];
  /** What was done to what another program wrote, to read it as a run; complete when it was read. */
  readonly notes?: readonly string[];
  readonly model: {
    readonly file?: string | undefined;
    readonly arch?: string | undefined;
    readonly quantization?: string | undefined;
    readonly layers?: number | undefined;
    readonly bytes?: number | undefined;
    /** The file's that are one value, under GGUF's names without the architecture. */
    readonly hyperparameters?: Readonly<Record<string, string | number | boolean>> | undefined;
  };
  readonly heads: Heads;
  /** Without it the stages are taken for a Llama's, of as many layers as come. */
  readonly graph?: Graph | undefined;
  /** Which stages a recorded run is to have; undefined where nobody knows. */
  readonly expects?:
    | {
        readonly stages?: readonly string[] | undefined;
        readonly layers?: readonly number[] | undefined;
        readonly steps?: number | undefined;
      }
    | undefined;
}

/** What is run: the same for both sides. A recorded side gives what it has. */
export interface RunPlan {
  readonly tokens: readonly number[];
  readonly steps?: number | undefined;
  /** What step 1… are fed, instead of what the side itself would choose. */
  readonly forcedTokens?: readonly number[] | undefined;
  readonly ubatch?: number | undefined;
  /** Every stage of the vocabulary unless others are named; none where the list is empty. */
  readonly stages?: 'all' | 'vocabulary' | readonly string[] | undefined;
  readonly layers?: readonly number[] | undefined;
  /** The last position's logits of the prompt and of each step, unwatched, from a side that can tell them apart from the stage. */
  readonly logits?: boolean | undefined;
  /** Rows that each stage goes on from, in evaluation order; what it computes itself is still what comes as its tensors. */
  readonly from?: AsyncIterable<Tensor> | undefined;
  /** The stages that it has rows for, in each pass, where those are made of what this very run has made of the stages before. */
  readonly promised?: readonly Place[] | undefined;
  /** Every stage is rounded to 16 bits before the next one is computed from it. */
  readonly round?: RoundTo | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SideRun {
  /** In evaluation order; to be read to their end. */
  readonly tensors: AsyncIterable<Tensor>;
  /** The greedy token after the prompt and after each step; empty where the side does not say. */
  readonly result: Promise<{ readonly generated: readonly number[] }>;
}

/** What a dump says of its run. */
export type RunAbout = Pick<DumpMetadata, 'tokens' | 'prompt' | 'config'>;

export interface TextTools {
  tokenize(text: string, options?: { addSpecial?: boolean; parseSpecial?: boolean }): Promise<readonly number[]>;
  /** A user's message through the model's chat template. */
  chat(prompt: string): Promise<string>;
  /** Ids → text as it goes on after a token, or null where the model has no vocabulary. */
  continuation(after: number, ids: readonly number[]): Promise<string | null>;
}

/** All of a run's token ids, prompt then decoded. */
export const allTokens = ({ tokens, forcedTokens = [] }: RunPlan): readonly number[] => [...tokens, ...forcedTokens];
