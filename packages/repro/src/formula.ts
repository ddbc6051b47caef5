import type { Call, Value } from './recipe/recipe.js';

type Values = Readonly<Record<string, string>>;

/** What each function computes, in a line. */
const FORMULAS: Readonly<Record<string, (m: readonly string[], v: Values) => string>> = {
  get_rows: ([table], v) => `the rows ${v.ids} of ${table}, which has only the rows that are read`,
  rms_norm: ([x], v) => `${x}_i / √(mean(${x}²) + eps), eps = ${v.eps}, the mean over ${v.width} values`,
  mul: ([x, w]) => `${x}_i · ${w}_i`,
  mat_mul: ([x, w]) => `${x} · ${w}ᵀ: Σ_i ${x}_i · ${w}_{o,i} for each row o of ${w}`,
  add_bias: ([x, b]) => `${x}_i + ${b}_i`,
  add: ([a, b]) => `${a}_i + ${b}_i`,
  scale: ([x], v) => `${v.factor} · ${x}_i`,
  soft_cap: ([x], v) => `cap · tanh(${x}_i / cap), cap = ${v.cap}`,
  glu: ([gate, up], v) => `${v.activation}(${gate}_i) · ${up}_i${ACTIVATIONS[v.activation ?? ''] ?? ''}`,
  glu_of_one: ([x], v) =>
    `${v.activation}(gate_i) · up_i, of which the first half of a row of ${x} is gate and the second up${ACTIVATIONS[v.activation ?? ''] ?? ''}`,
  rope_frequencies: (_, v) =>
    `frequency_j = ${v.factor} · base^(−2j / ${v.dims}), base = ${v.base}, j = 0 … ${Number(v.dims) / 2 - 1}`,
  yarn_frequencies: (_, v) =>
    `frequency_j = (${v.factor} · slow_j + 1 − slow_j) · base^(−2j / ${v.dims}), base = ${v.base}; slow_j is a ramp from 0 to 1 between the pairs that turn ${v.beta_fast} times and ${v.beta_slow} times in ${v.original_context} positions (YaRN)`,
  slowed: ([, factors]) => `frequency_j / ${factors}_j`,
  rope: ([x], v) =>
    `each pair (a, b) of each head of ${v.head_dim} values of ${x} becomes (a·cos t − b·sin t, a·sin t + b·cos t), t = position · frequency_j, ${v.halves === 'true' ? 'pair j = values j and j + half of what is turned' : 'pair j = values 2j and 2j + 1'}; position ${v.positions}${v.magnitude === '1' ? '' : `; all times ${v.magnitude}`}`,
  scores: ([q, k], v) =>
    `${q} · ${k} for each position of the cache, of query head ${v.heads}, whose head of the keys is ⌊head / ${v.group}⌋, ${v.head_dim} values a head; what the row must not see is NaN (position of the row ${v.positions}${windowOf(v)}); not scaled`,
  soft_max: ([x], v) => softMax(x, v, ''),
  soft_max_with_sinks: ([x, sinks], v) => softMax(x, v, ` + exp(${sinks} of the head)`),
  soft_max_of_rows: ([x]) => `exp(${x}_i) / Σ_j exp(${x}_j)`,
  attention_values: ([p, values], v) =>
    `Σ_j ${p}_j · ${values}_j over all positions j of the cache, of query head ${v.heads}, whose head of the values is ⌊head / ${v.group}⌋, ${v.head_dim} values a head`,
  sigmoid: ([x]) => `1 / (1 + exp(−${x}_i))`,
  clamp: ([x], v) => `${x}_i, kept between ${v.low} and ${v.high}`,
  sum_of_row: ([x]) => `Σ_i ${x}_i`,
  over_row: ([x, by]) => `${x}_i / ${by} of the row`,
  pick: ([x], v) => `of each row of ${x} the values at the places that were chosen: ${v.places}`,
  mat_mul_of_experts: ([x, w], v) =>
    `${x} · ${w}_{o}: for each column the row o of ${w} that belongs to the expert chosen there: ${v.picked}; of a row of ${x} the part ${v.parts}, each as long as a row of ${w}`,
  add_picked: ([x, b], v) => `${x}_i + the bias of the expert chosen there, of ${b}: ${v.picked}`,
  swiglu_oai: ([gate, up], v) =>
    `g · sigmoid(${v.alpha} · g) · (u + 1), g = min(${gate}_i, ${v.limit}), u = ${up}_i within ± ${v.limit}`,
  sum_of_parts: ([x], v) => `the ${v.parts} parts of a row of ${x}, one for each expert, added up`,
  weighted: ([x, weights]) => `${x} of each expert times its value of ${weights}`,
};

const ACTIVATIONS: Readonly<Record<string, string>> = {
  silu: '; silu(x) = x / (1 + e^−x)',
  gelu: '; gelu(x) = x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))',
  gelu_erf: '; gelu_erf(x) = x/2 · (1 + erf(x / √2))',
  gelu_quick: '; gelu_quick(x) = x / (1 + e^(−1.702 x))',
  relu: '; relu(x) = max(x, 0)',
};

const windowOf = ({ window }: Values): string => (window === '0' ? '' : `, window ${window}`);

const softMax = (x: string | undefined, v: Values, besides: string): string =>
  `exp(scale · ${x}_j) / (Σ_j exp(scale · ${x}_j)${besides}), scale = ${v.factor}, of each head over the positions j that the row sees, of ${v.n_kv}: up to its own (${v.positions}${windowOf(v)}); 0 for the others`;

/** A call in formula, with its parameters. @example formulaOf({ out: 'expected', call: 'add', … }) // 'expected = a_i + b_i' */
export function formulaOf({ out, call, matrices, values }: Call): string {
  const shown = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, textOf(value)]));
  const formula = (FORMULAS[call] as (typeof FORMULAS)[string])(matrices, shown);
  return formula.startsWith('frequency_j') ? formula : `${out} = ${formula}`;
}

function textOf(value: Value): string {
  if ('count' in value) return String(value.count);
  if ('real' in value) return String(value.real);
  if ('counts' in value) return value.counts.join(', ');
  return 'is' in value ? String(value.is) : value.of;
}
