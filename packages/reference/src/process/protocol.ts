import type { NodeOperation, Place } from '@llama-probe/dump';
import type { Blockwise } from '../blocks/blockwise.js';
import type { RoundTo } from '../capture/rounding.js';
import type { Selection } from '../capture/stages.js';
import type { WireError } from '../errors.js';
import type { ModelFiles } from '../model/files.js';

/** What a GGUF file says about itself, as llama.cpp reads it. */
export interface ModelInfo {
  file: string;
  architecture: string;
  description: string;
  /** As llama.cpp's quantize calls it, such as `Q4_K_M`; `F32` only where every tensor is. */
  quantization: string;
  parameters: number;
  bytes: number;
  layers: number;
  embeddingLength: number;
  headCount: number;
  headCountKv: number;
  vocabularySize: number;
  trainedContext: number;
}

export interface RunParameters extends Selection {
  tokens: readonly number[];
  steps: number;
  ubatch: number;
  contextLength: number;
  threads: number;
  forcedTokens?: readonly number[] | undefined;
  logits: boolean;
  /** What every stage is rounded to. */
  round?: RoundTo | undefined;
  /** The number that the given rows of this run have on FROM_PIPE; undefined where there are none. */
  from?: number | undefined;
  /** The stages that they are for, in each pass, where they come one by one. */
  promised?: readonly Place[] | undefined;
}

/** What the graph is looked at with. */
export type OperationsParameters = Pick<RunParameters, 'tokens' | 'ubatch' | 'contextLength' | 'threads'>;

export interface RunResult {
  generated: number[];
  milliseconds: number;
  notes: string[];
}

/** What llama.cpp makes of a file's vocabulary. */
export interface VocabularyInfo {
  /** @example 'SPM' */
  type: string;
  size: number;
  /** null where there is none. */
  bos: number | null;
  eos: number | null;
  /** Whether they are put around a text. */
  addsBos: boolean;
  addsEos: boolean;
}

/** What a token stands for. */
export interface Piece {
  /** In hexadecimal digits, since they may be a part of a character. */
  bytes: string;
  kind: 'normal' | 'control' | 'user-defined' | 'byte' | 'unknown' | 'unused';
}

/** Rows of a tensor in a file: what ggml is to make floats of. */
export interface WeightRows {
  path: string;
  /** Of the first row, from the beginning of the file, in bytes. */
  offset: number;
  /** ggml's number. */
  type: number;
  columns: number;
  rows: number;
  /** ggml's number of a type that is made of them, and read again. */
  through?: number | undefined;
}

/** What the child process can be asked: parameters → result. */
export interface Methods {
  open: [
    { directory?: string | undefined; cpuVariant?: string | undefined; device?: string | undefined },
    { version: string; cpuVariant: string; cpuVariants: string[]; device?: string | undefined },
  ];
  describe: [{ paths: ModelFiles }, ModelInfo & { allF32: boolean; blockwise: Blockwise }];
  /** @param isExact what llama.cpp's CPU only approximates is computed in f32 @param blocks where it is evaluated block by block as F32: all parts of the file */
  load: [{ path: string; isExact: boolean; blocks?: ModelFiles | undefined }, null];
  /** Only the vocabulary of a file, which may have nothing else. */
  loadVocabulary: [{ path: string }, VocabularyInfo];
  pieces: [{ ids: readonly number[] }, Piece[]];
  /** Answers with the matrices of which it is not known which columns are important. */
  quantize: [
    {
      source: ModelFiles;
      target: string;
      ftype: number;
      pure: boolean;
      /** llama.cpp wants an importance matrix: where nothing is known all columns are alike. */
      importance: boolean;
      /** A file of llama-imatrix. */
      imatrix?: string | undefined;
      threads: number;
    },
    string[],
  ];
  /** Frees the model, and ends what is logged by then with endOfLog. */
  unload: [null, null];
  tokenize: [{ text: string; addSpecial: boolean; parseSpecial: boolean }, number[]];
  detokenize: [{ ids: readonly number[]; special: boolean }, string];
  chat: [{ prompt: string }, string];
  operations: [OperationsParameters, NodeOperation[]];
  /** Its tensors come as one Arrow stream on the pipe TENSOR_PIPE. */
  run: [RunParameters, RunResult];
  /** What ggml's type traits can do, by the type's number. */
  weightTypes: [null, [number, { reads: boolean; makes: boolean }][]];
  /** @param into the file that the rows are written to, as floats from its beginning */
  weights: [WeightRows & { into: string }, null];
}

export type Method = keyof Methods;

export type Request = { [M in Method]: { id: number; method: M; parameters: Methods[M][0] } }[Method];
export type Answer = { id: number; result: unknown } | { id: number; error: WireError };

/** File descriptors of the child process. */
export const LOG_PIPE = 2;
export const TENSOR_PIPE = 3;
export const FROM_PIPE = 4;

/** The child ends what it logged for a failed request with this line, because log and answer come on different pipes. */
export const END_OF_LOG = '\u001e';
export const endOfLog = (id: number): string => `${END_OF_LOG}${id}`;
