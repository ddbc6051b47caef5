import type { Place } from '@llama-probe/dump/stage';
import { isInner, operationOf, type StageOperation } from '@llama-probe/oracle';
import { ReproError } from '../errors.js';
import type { Builder } from './builder.js';
import { count, counts, real } from './recipe.js';
import { configOf, seenBy } from './selection.js';

/** Scores, their softmax, and what it makes of the values: whole heads, each over all positions so far. */
export function attention(operation: StageOperation, columns: readonly number[] | undefined, builder: Builder): string {
  const { c, input, call, positions } = builder;
  const { headCount, headCountKv, headDim, window = 0, attentionScale } = configOf(c, operation);
  const nKv = seenBy(c);
  const [first, second] = operation.inputs as [Place | StageOperation, Place | StageOperation];
  const width = operation.op === 'values' ? headDim : nKv;
  const heads = columns
    ? [...new Set(columns.map((column) => Math.floor(column / width)))]
    : Array.from({ length: headCount }, (_, head) => head);
  const of = (size: number) => heads.flatMap((head) => Array.from({ length: size }, (_, i) => head * size + i));
  const shared = { heads: counts(heads), group: count(headCount / headCountKv), head_dim: count(headDim) };
  const seen = { positions: counts(positions), window: count(window) };
  switch (operation.op) {
    case 'scores':
      return call('scores', [input(first, of(headDim)), cached(operation, second, builder)], { ...shared, ...seen });
    case 'values':
      return call('attention_values', [input(first, of(nKv)), cached(operation, second, builder)], shared);
    default: {
      const x = input(first, of(nKv));
      const values = { n_kv: count(nKv), factor: real(attentionScale), ...seen };
      const { sinks } = operation;
      if (sinks === undefined) return call('soft_max', [x], values);
      return call('soft_max_with_sinks', [x, builder.inputs.vector(sinks, builder.weight(sinks), heads)], values);
    }
  }
}

/** The rows of all positions so far: the case's cache, or those of this pass where nothing was before. */
function cached(operation: StageOperation, from: Place | StageOperation, { c, inputs }: Builder): string {
  const ofPass = isInner(from) || c.firstPosition > 0 ? undefined : c.inputs[from.stage];
  const values = operation.stage === c.stage ? (c.cache ?? ofPass) : ofPass;
  if (isInner(from) || !values) {
    const inner = operationOf(c).inputs.filter(isInner)[0]?.stage ?? c.stage;
    const input = inner.replace(/(-\d+)?#\d+$/, ''); // as llama.cpp calls its node
    const what = `${c.stage} was computed from ${input}, which the run does not have, and which takes keys of earlier passes`;
    throw new ReproError('repro-inputs', `${what}. Capture ${input} there, too, and try again.`);
  }
  return inputs.cache(from, values, seenBy(c));
}
