import { ModelError, PromptError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { checkTokens } from '../model/vocabulary.js';
import type { RunParameters } from '../process/protocol.js';
import type { Capture } from './capture.js';

/** One evaluation of the graph. */
export interface Pass {
  readonly step: number;
  /** The position of the first. */
  readonly first: number;
  readonly ids: readonly number[];
}

/** The passes of a run, where it is known what every step is fed. */
export function passesOf(tokens: readonly number[], fed: readonly number[], ubatch: number): Pass[] {
  const prompt = Array.from({ length: Math.ceil(tokens.length / ubatch) }, (_, i) => ({
    step: 0,
    first: i * ubatch,
    ids: tokens.slice(i * ubatch, (i + 1) * ubatch),
  }));
  return [...prompt, ...fed.map((id, i) => ({ step: i + 1, first: tokens.length + i, ids: [id] }))];
}

/** How many tokens are evaluated at once in a run: each number once. */
export function batchSizes(tokens: number, ubatch: number, steps: number): Set<number> {
  const whole = tokens >= ubatch ? [ubatch] : [];
  const rest = tokens % ubatch > 0 ? [tokens % ubatch] : [];
  return new Set([...whole, ...rest, ...(steps > 0 ? [1] : [])]);
}

/** What a run says of stages that were asked for, and are not there. @throws PromptError `stages-unknown` where there is none of them */
export function missingNotes(
  { stages }: RunParameters,
  { delivered, existing }: Pick<Capture, 'delivered' | 'existing'>,
): string[] {
  const missing = typeof stages === 'string' ? [] : stages.filter((stage) => !delivered.has(stage));
  if (stages.length > 0 && delivered.size === 0) {
    throw new PromptError(
      'stages-unknown',
      `no node of this model is ${missing.join(' or ')} in the layers asked for. It has ${[...existing].join(', ')}.`,
    );
  }
  return missing.map((stage) => `no node of this model is ${stage}`);
}

export function checkRun(
  library: LlamaLibrary,
  model: Pointer,
  parameters: RunParameters,
  vocabularySize: number,
): void {
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
export function highest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) {
    if ((logits[id] as number) > (logits[best] as number)) best = id;
  }
  return best;
}
