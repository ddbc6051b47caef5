import type { Place } from '@llama-probe/dump/stage';
import {
  biasName,
  biasOf,
  caseOf,
  isInner,
  operationOf,
  type StageCase,
  type StageOperation,
  weightName,
} from '@llama-probe/oracle';
import { attention } from './attention.js';
import type { Builder } from './builder.js';
import { ofExperts, takesIds } from './experts.js';
import { Inputs } from './inputs.js';
import { type Call, count, counts, type Recipe, real } from './recipe.js';
import { rotation } from './rotation.js';
import { configOf, type Selection } from './selection.js';

/** What the gate of a gated unit goes through, as the checks call it. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  silu: 'silu',
  'gelu-tanh': 'gelu',
  'gelu-erf': 'gelu_erf',
  'gelu-quick': 'gelu_quick',
  relu: 'relu',
};

/**
 * A case as calls of the functions that every check has, with the parts of its inputs that they need.
 *
 * @throws Error for what was asked for without being there
 * @example build(c, { rows: [8], columns: [0, 1, 2, 3] })
 */
export function build(c: StageCase, { rows, columns }: Selection): Recipe {
  const inputs = new Inputs(c);
  const calls: Call[] = [];
  const builder: Builder = {
    c,
    inputs,
    rows,
    positions: rows.map((row) => c.firstPosition + row),
    input: (input, of) => (isInner(input) ? make(input, of, builder) : inputs.rows(input, rows, of)),
    weight(name) {
      const weight = c.model.weight(name);
      if (!weight) throw new Error(`The file has no ${name}.`);
      return weight;
    },
    call(call, matrices, values = {}) {
      const out = inputs.free(call === 'slowed' || call.endsWith('_frequencies') ? 'frequencies' : `by_${call}`);
      calls.push({ out, call, matrices, values });
      return out;
    },
  };
  make(operationOf(c), columns, builder);
  const last = calls.at(-1);
  if (last) calls[calls.length - 1] = { ...last, out: 'expected' };
  return { inputs: inputs.all, calls };
}

/** @param columns of the operation's rows; all of them without it */
function make(operation: StageOperation, columns: readonly number[] | undefined, builder: Builder): string {
  const { c, inputs, rows, input, call, weight } = builder;
  const at = caseOf(c, operation);
  const [first, second] = operation.inputs as [Place | StageOperation, Place | StageOperation];
  const name = weightName(at);
  switch (operation.op) {
    case 'get-rows': {
      const ids = rows.map((row) => c.tokens[c.firstPosition + row] as number);
      const kept = [...new Set(ids)].sort((a, b) => a - b);
      const table = inputs.matrix(name as string, weight(name as string), kept, columns);
      return call('get_rows', [table], { ids: counts(ids.map((id) => kept.indexOf(id))) });
    }
    case 'rms-norm': {
      const { rmsEpsilon, embeddingLength } = configOf(c, operation);
      return call('rms_norm', [input(first, columns)], { eps: real(rmsEpsilon), width: count(embeddingLength) });
    }
    case 'mul': {
      const x = input(first, columns);
      const whole = weight(name as string);
      const length = whole.rows * whole.columns;
      const isRepeated = columns?.every((column, i) => column % length === i % length);
      return call('mul', [
        x,
        inputs.vector(name as string, whole, isRepeated ? undefined : columns?.map((i) => i % length)),
      ]);
    }
    case 'product': {
      const whole = weight(name as string);
      const outputs = columns ?? Array.from({ length: whole.rows }, (_, i) => i);
      const product = call('mat_mul', [input(first), inputs.matrix(name as string, whole, outputs)]);
      const bias = biasOf(at);
      if (!bias) return product;
      return call('add_bias', [product, inputs.vector(biasName(at) as string, bias, columns)]);
    }
    case 'bias': {
      const own = `${c.layer === null ? '' : `blk.${operation.layer}.`}${operation.weight}.bias`;
      return call('add_bias', [input(first, columns), inputs.vector(own, weight(own), columns)]);
    }
    case 'rope':
      return rotation(operation, columns, builder);
    case 'scores':
    case 'soft-max':
    case 'values':
      return attention(operation, columns, builder);
    case 'swiglu': {
      const activation = { activation: { of: ACTIVATIONS[operation.activation ?? 'silu'] as string } };
      if (second) return call('glu', [input(first, columns), input(second, columns)], activation);
      return call('glu_of_one', [input(first, columns && bothHalves(columns, c, first))], activation);
    }
    case 'add':
      return call('add', [input(first, columns), input(second, columns)]);
    case 'scale':
      return call('scale', [input(first, columns)], { factor: real(operation.factor ?? 1) });
    case 'soft-cap':
      return call('soft_cap', [input(first, columns)], { cap: real(operation.factor ?? Number.POSITIVE_INFINITY) });
    case 'probabilities':
      return call('soft_max_of_rows', [input(first, columns)]);
    case 'weighted':
      return call('weighted', [input(first, columns), input(second)]);
    case 'part': {
      const { begins = [], part = 1 } = operation;
      const all = columns ?? Array.from({ length: begins.length * part }, (_, i) => i);
      const from = all.map((column) => (begins[Math.floor(column / part)] as number) + (column % part));
      const kept = input(first, from);
      return operation === operationOf(c) ? call('scale', [kept], { factor: real(1) }) : kept;
    }
    case 'top-k':
      throw new Error('The choice of experts cannot be written down; ask canBeWritten first.');
    default:
      return ofExperts(operation, columns, builder);
  }
}

const NOT_WRITTEN: ReadonlySet<StageOperation['op']> = new Set(['concat', 'head-product', 'layer-norm', 'activation']);

/**
 * Whether an operation, and all that is computed on the way to it, can be written down as a recipe. What chooses experts cannot: its rows are ids.
 * Nor can what the checks have no function of: latent attention, LayerNorm, ALiBi, a rotation by several positions, an activation without a gate.
 */
export const canBeWritten = (operation: StageOperation): boolean => {
  const { op, inputs, scores, latent, config } = operation;
  if (NOT_WRITTEN.has(op) || latent !== undefined) return false;
  if (op === 'soft-max' && config?.maxAlibiBias !== undefined) return false;
  if (op === 'rope' && config?.ropeSections) return false;
  if (op === 'top-k' || (takesIds(operation) && inputs.slice(1).some(isInner))) return false;
  return [...inputs, ...(scores?.inputs ?? [])].every((input) => !isInner(input) || canBeWritten(input));
};

/** The columns of gate and up in the rows of one product, gate first. */
function bothHalves(columns: readonly number[], c: StageCase, from: Place | StageOperation): number[] {
  const width = isInner(from)
    ? (c.model.weight(weightName(caseOf(c, from)) ?? '')?.rows ?? 0)
    : (c.inputs[from.stage]?.length ?? 0) / c.rows;
  return [...columns, ...columns.map((column) => column + width / 2)];
}
