import { type NodeOperation, type Tensor, TensorStreamWriter } from '@llama-probe/dump';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { GivenReader } from '../process/given-frames.js';
import {
  FROM_PIPE,
  type OperationsParameters,
  type RunParameters,
  type RunResult,
  TENSOR_PIPE,
} from '../process/protocol.js';
import { Capture } from './capture.js';
import { Evaluation } from './evaluation.js';
import { type KnownGraph, Look } from './look.js';
import { OperationsLook } from './operations.js';
import { batchSizes, checkRun, highest, missingNotes } from './passes.js';
import { Replacement } from './replace.js';
import { Rounding } from './rounding.js';
import type { TabledNodes } from './tabled.js';

/**
 * Evaluates a prompt and `steps` greedy steps, and streams what was asked for to TENSOR_PIPE as one Arrow stream.
 *
 * @param tabled what is computed in f32 instead of being read from a table; nothing of a native run
 */
export function run(
  library: LlamaLibrary,
  model: Pointer,
  parameters: RunParameters,
  tabled: TabledNodes = new Map(),
): RunResult {
  return streamed((stream) => evaluate(library, model, parameters, tabled, stream));
}

/** Whatever happens there is a stream, and it ends: the parent reads one for every run. */
export function streamed(evaluate: (stream: TensorStreamWriter) => RunResult): RunResult {
  const stream = new TensorStreamWriter(TENSOR_PIPE);
  try {
    return evaluate(stream);
  } finally {
    stream.close();
  }
}

/** The greedy tokens after these. */
export function decodeGreedily(
  library: LlamaLibrary,
  model: Pointer,
  tokens: readonly number[],
  count: number,
  { ubatch, contextLength, threads }: Pick<RunParameters, 'ubatch' | 'contextLength' | 'threads'>,
): number[] {
  const width: number = library.llama_vocab_n_tokens(library.llama_model_get_vocab(model));
  const evaluation = new Evaluation(library, model, { ubatch, contextLength, threads });
  try {
    const chosen: number[] = [];
    for (let first = 0; first < tokens.length; first += ubatch) {
      evaluation.decode(tokens.slice(first, first + ubatch), first);
    }
    while (chosen.length < count) {
      chosen.push(highest(evaluation.lastLogits(width)));
      if (chosen.length < count) evaluation.decode(chosen.slice(-1), tokens.length + chosen.length - 1);
    }
    return chosen;
  } finally {
    evaluation.free();
  }
}

/** The nodes of a model's graph that llama.cpp's CPU reads from a table: one token is evaluated for it. */
export function lookForTables(library: LlamaLibrary, model: Pointer, threads: number): TabledNodes {
  if (!library.llama_model_has_decoder(model)) return new Map();
  const look = new Look(library);
  const evaluation = new Evaluation(library, model, { ubatch: 1, contextLength: 1, threads }, look);
  try {
    evaluation.decode([0], 0);
    return look.tabled();
  } finally {
    evaluation.free();
  }
}

/** What each node of a model's graph computes. The prompt is evaluated for it, for what its masks hide; so are forced tokens. Nothing of one without a decoder. */
export function lookForOperations(
  library: LlamaLibrary,
  model: Pointer,
  { tokens, ubatch, contextLength, threads }: OperationsParameters,
): NodeOperation[] {
  if (!library.llama_model_has_decoder(model)) return [];
  const look = new OperationsLook(library);
  const evaluation = new Evaluation(library, model, { ubatch, contextLength, threads }, look);
  try {
    for (let first = 0; first < tokens.length; first += ubatch) {
      const ids = tokens.slice(first, first + ubatch);
      look.begin(first, ids.length);
      evaluation.decode(ids, first);
      look.end();
    }
    return look.operations();
  } finally {
    evaluation.free();
  }
}

function evaluate(
  library: LlamaLibrary,
  model: Pointer,
  parameters: RunParameters,
  tabled: TabledNodes,
  stream: TensorStreamWriter,
): RunResult {
  const vocabularySize: number = library.llama_vocab_n_tokens(library.llama_model_get_vocab(model));
  checkRun(library, model, parameters, vocabularySize);
  const { tokens, steps, ubatch, stages, forcedTokens, logits, from, promised, round } = parameters;
  const captures = stages.length > 0 || from !== undefined;
  const given = from === undefined ? undefined : new GivenReader(FROM_PIPE, from);
  const next = (): Tensor | undefined => {
    if (promised) stream.flush(); // they are made of what was written
    return given?.next();
  };
  const replacement = given && new Replacement(library, next, promised);
  const rounding = round && new Rounding(library, round);
  const capture = new Capture(library, parameters, (tensor) => stream.write(tensor), { replacement, tabled, rounding });
  const isWatched = captures || rounding !== undefined || tabled.size > 0;
  const evaluation = new Evaluation(library, model, parameters, isWatched ? capture : undefined);
  try {
    const generated: number[] = [];
    const started = performance.now();
    const graphs = new Map<number, KnownGraph>(); // by the number of tokens
    if (replacement) {
      for (const count of batchSizes(tokens.length, ubatch, steps)) {
        const look = new Look(library);
        evaluation.seer = look;
        evaluation.decode(tokens.slice(0, count), 0);
        graphs.set(count, look.known(count));
        evaluation.clearCache();
      }
      evaluation.seer = capture;
    }
    const decode = (ids: readonly number[], first: number, step: number) => {
      capture.begin(step, first, ids.length, graphs.get(ids.length));
      evaluation.decode(ids, first);
      if (captures || rounding) capture.end();
    };
    /** The token that the last row chooses. Without the callback there is nothing else that could tell its logits. */
    const choose = (step: number) => {
      const values = evaluation.lastLogits(vocabularySize);
      generated.push(highest(values));
      if (!logits) return;
      const position = tokens.length + step - 1;
      const at = { step, order: step, layer: null, stage: 'result_output', positions: Int32Array.of(position) };
      stream.write({ ...at, width: vocabularySize, values });
    };
    for (let first = 0; first < tokens.length; first += ubatch) {
      decode(tokens.slice(first, first + ubatch), first, 0);
    }
    choose(0);
    for (let step = 1; step <= steps; step++) {
      const id = forcedTokens ? (forcedTokens[step - 1] as number) : (generated[step - 1] as number);
      decode([id], tokens.length + step - 1, step);
      choose(step);
    }
    const milliseconds = performance.now() - started;
    replacement?.end();
    const notes = [...capture.notes, ...(replacement?.notes ?? []), ...missingNotes(parameters, capture)];
    return { generated, milliseconds, notes };
  } finally {
    evaluation.free();
  }
}
