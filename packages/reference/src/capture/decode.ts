import { type NodeOperation, TensorStreamWriter } from '@llama-probe/dump';
import { ModelError, PromptError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { checkTokens } from '../model/vocabulary.js';
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
  // Whatever happens there is a stream, and it ends: the parent reads one for every run.
  const stream = new TensorStreamWriter(TENSOR_PIPE);
  try {
    return evaluate(library, model, parameters, tabled, stream);
  } finally {
    stream.close();
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
  check(library, model, parameters, vocabularySize);
  const { tokens, steps, ubatch, stages, forcedTokens, logits, from, round } = parameters;
  const selects = typeof stages === 'string' || stages.length > 0;
  const captures = selects || from !== undefined;
  const given = from === undefined ? undefined : new GivenReader(FROM_PIPE, from);
  const replacement = given && new Replacement(library, () => given.next());
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
    const missing = typeof stages === 'string' ? [] : stages.filter((stage) => !capture.delivered.has(stage));
    if (selects && capture.delivered.size === 0) {
      throw new PromptError(
        'stages-unknown',
        `no node of this model is ${missing.join(' or ')} in the layers asked for. It has ${[...capture.existing].join(', ')}.`,
      );
    }
    const notes = [
      ...capture.notes,
      ...(replacement?.notes ?? []),
      ...missing.map((stage) => `no node of this model is ${stage}`),
    ];
    return { generated, milliseconds, notes };
  } finally {
    evaluation.free();
  }
}

/** How many tokens are evaluated at once in a run: each number once. */
function batchSizes(tokens: number, ubatch: number, steps: number): Set<number> {
  const whole = tokens >= ubatch ? [ubatch] : [];
  const rest = tokens % ubatch > 0 ? [tokens % ubatch] : [];
  return new Set([...whole, ...rest, ...(steps > 0 ? [1] : [])]);
}

function check(library: LlamaLibrary, model: Pointer, parameters: RunParameters, vocabularySize: number): void {
  const { tokens, steps, ubatch, contextLength, forcedTokens } = parameters;
  for (const [name, value, least] of [
    ['steps', steps, 0],
    ['ubatch', ubatch, 1],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new PromptError('run-option', `${name} is ${value}; wanted a whole number of at least ${least}.`);
    }
  }
  if (!library.llama_model_has_decoder(model)) {
    throw new ModelError(
      'model-no-decoder',
      'this model has no decoder, so it makes no logits token by token. Only decoder models can be run.',
    );
  }
  if (tokens.length === 0) {
    throw new PromptError(
      'tokens-empty',
      'there are no tokens to run: the prompt is empty and the model adds no token of its own. Give a longer prompt.',
    );
  }
  checkTokens(tokens, vocabularySize);
  if (forcedTokens) {
    checkTokens(forcedTokens, vocabularySize);
    if (forcedTokens.length < steps) {
      throw new PromptError(
        'steps',
        `${steps} steps were asked for with ${forcedTokens.length} forced tokens; every step needs one.`,
      );
    }
  }
  if (tokens.length + steps > contextLength) {
    throw new PromptError(
      'context-too-small',
      `${tokens.length} tokens and ${steps} steps do not fit a context of ${contextLength}. Give a shorter prompt, fewer steps, or a longer context.`,
    );
  }
}

/** The id of the largest logit; the lowest id of equal ones, as llama.cpp's greedy sampler. */
function highest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) {
    if ((logits[id] as number) > (logits[best] as number)) best = id;
  }
  return best;
}
