// ---- each
const each = (m, f) => ({ ...m, values: Float64Array.from(m.values, f) });
// ---- get_rows
/** The rows of a table that ids name. */
export function get_rows(table, ids) {
  const values = ids.flatMap((id) => [...table.values.subarray(id * table.columns, (id + 1) * table.columns)]);
  return { rows: ids.length, columns: table.columns, values: Float64Array.from(values) };
}
// ---- rms_norm
/** Each piece of `width` values over the root of its mean square. */
export function rms_norm(x, eps, width) {
  const values = new Float64Array(x.values.length);
  for (let at = 0; at < values.length; at += width) {
    let square = 0;
    for (let i = at; i < at + width; i++) square += x.values[i] ** 2;
    const divisor = Math.sqrt(square / width + eps);
    for (let i = at; i < at + width; i++) values[i] = x.values[i] / divisor;
  }
  return { ...x, values };
}
// ---- mul
/** Value by value times a weight, which begins again where it ends. */
export const mul = (x, weight) => each(x, (value, i) => value * weight.values[(i % x.columns) % weight.values.length]);
// ---- mat_mul
/** x · Wᵀ: each row of W makes one value. */
export function mat_mul(x, w) {
  const values = new Float64Array(x.rows * w.rows);
  for (let row = 0; row < x.rows; row++) {
    for (let output = 0; output < w.rows; output++) {
      let sum = 0;
      for (let i = 0; i < w.columns; i++) sum += x.values[row * x.columns + i] * w.values[output * w.columns + i];
      values[row * w.rows + output] = sum;
    }
  }
  return { rows: x.rows, columns: w.rows, values };
}
// ---- add_bias
export const add_bias = (x, bias) => each(x, (value, i) => value + bias.values[i % x.columns]);
// ---- add
export const add = (a, b) => each(a, (value, i) => value + b.values[i]);
// ---- scale
export const scale = (x, factor) => each(x, (value) => value * factor);
// ---- soft_cap
export const soft_cap = (x, cap) => each(x, (value) => cap * Math.tanh(value / cap));
// ---- silu
export const silu = (x) => x / (1 + Math.exp(-x));
// ---- gelu
export const gelu = (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
// ---- gelu_erf
/** The error function by its Maclaurin series, and beyond 3 by its continued fraction. */
function erf(x) {
  const a = Math.abs(x);
  if (a < 3) {
    let [term, sum] = [a, a];
    for (let n = 1; n < 100; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = a;
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
}
export const gelu_erf = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));
// ---- gelu_quick
export const gelu_quick = (x) => x / (1 + Math.exp(-1.702 * x));
// ---- relu
export const relu = (x) => Math.max(x, 0);
// ---- glu
/** activation(gate) · up */
export const glu = (gate, up, activation) => each(gate, (value, i) => activation(value) * up.values[i]);
// ---- glu_of_one
/** The same where one product has made both: the first half of a row is the gate. */
export function glu_of_one(x, activation) {
  const half = x.columns / 2;
  const values = new Float64Array(x.rows * half);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / half) * x.columns + (i % half);
    values[i] = activation(x.values[at]) * x.values[at + half];
  }
  return { rows: x.rows, columns: half, values };
}
// ---- rope_frequencies
/** The angle of each pair at position 1. */
export function rope_frequencies(dims, base, factor) {
  const values = Float64Array.from({ length: dims / 2 }, (_, pair) => factor * base ** ((-2 * pair) / dims));
  return { rows: 1, columns: dims / 2, values };
}
// ---- yarn_frequencies
/** The same where slow pairs turn `factor` times as far and fast ones as they are, with a ramp between them. */
export function yarn_frequencies(dims, base, factor, original_context, beta_fast, beta_slow) {
  const pair_that_turns = (times) => (dims * Math.log(original_context / (times * 2 * Math.PI))) / (2 * Math.log(base));
  const first = Math.max(0, Math.floor(pair_that_turns(beta_fast)));
  const last = Math.min(dims - 1, Math.ceil(pair_that_turns(beta_slow)));
  const values = Float64Array.from({ length: dims / 2 }, (_, pair) => {
    const slow = Math.min(1, Math.max(0, (pair - first) / Math.max(0.001, last - first)));
    return (factor * slow + 1 - slow) * base ** ((-2 * pair) / dims);
  });
  return { rows: 1, columns: dims / 2, values };
}
// ---- slowed
/** Each frequency over its factor. */
export const slowed = (frequencies, factors) => each(frequencies, (value, pair) => value / factors.values[pair]);
// ---- rope
/** Each pair of each head turned by position · frequency. A pair is (j, j + dims / 2) where it is in halves, else (2j, 2j + 1). */
export function rope(x, frequencies, positions, head_dim, halves, magnitude) {
  const pairs = frequencies.columns;
  const values = Float64Array.from(x.values);
  for (let row = 0; row < x.rows; row++) {
    for (let head = row * x.columns; head < (row + 1) * x.columns; head += head_dim) {
      for (let j = 0; j < pairs; j++) {
        const angle = positions[row] * frequencies.values[j];
        const first = head + (halves ? j : 2 * j);
        const second = halves ? first + pairs : first + 1;
        const [a, b] = [x.values[first], x.values[second]];
        values[first] = magnitude * (a * Math.cos(angle) - b * Math.sin(angle));
        values[second] = magnitude * (a * Math.sin(angle) + b * Math.cos(angle));
      }
    }
  }
  return { ...x, values };
}
// ---- sees
/** Whether the row of a position sees another one: what is not after it, and within the window where there is one (0: none). */
const sees = (position, other, window) => other <= position && (window === 0 || other > position - window);
// ---- scores
/** q · k of these query heads for each position of the cache; NaN where the mask hides it. `group` query heads share a head of k. */
export function scores(q, k, heads, group, head_dim, positions, window) {
  const values = new Float64Array(q.rows * heads.length * k.rows);
  for (let row = 0, at = 0; row < q.rows; row++) {
    for (const [i, head] of heads.entries()) {
      const from = Math.floor(head / group) * head_dim;
      for (let other = 0; other < k.rows; other++, at++) {
        let sum = 0;
        for (let d = 0; d < head_dim; d++) {
          sum += q.values[row * q.columns + i * head_dim + d] * k.values[other * k.columns + from + d];
        }
        values[at] = sees(positions[row], other, window) ? sum : Number.NaN;
      }
    }
  }
  return { rows: q.rows, columns: heads.length * k.rows, values };
}
// ---- soft_max
/** exp(factor · score) over their sum, of each head over the positions that the row sees; 0 for the others. */
export function soft_max(x, n_kv, factor, positions, window) {
  const values = new Float64Array(x.values.length);
  for (let at = 0; at < values.length; at += n_kv) {
    const position = positions[Math.floor(at / x.columns)];
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < n_kv; i++) {
      if (sees(position, i, window)) highest = Math.max(highest, factor * x.values[at + i]);
    }
    let sum = 0;
    for (let i = 0; i < n_kv; i++) {
      if (!sees(position, i, window)) continue;
      values[at + i] = Math.exp(factor * x.values[at + i] - highest);
      sum += values[at + i];
    }
    for (let i = 0; i < n_kv; i++) values[at + i] /= sum;
  }
  return { ...x, values };
}
// ---- soft_max_with_sinks
/** The same with a score more for each head, which takes its share and is no position. */
export function soft_max_with_sinks(x, sinks, n_kv, factor, positions, window) {
  const values = new Float64Array(x.values.length);
  for (let at = 0; at < values.length; at += n_kv) {
    const position = positions[Math.floor(at / x.columns)];
    const sink = sinks.values[(at % x.columns) / n_kv];
    let highest = sink;
    for (let i = 0; i < n_kv; i++) {
      if (sees(position, i, window)) highest = Math.max(highest, factor * x.values[at + i]);
    }
    let sum = Math.exp(sink - highest);
    for (let i = 0; i < n_kv; i++) {
      if (!sees(position, i, window)) continue;
      values[at + i] = Math.exp(factor * x.values[at + i] - highest);
      sum += values[at + i];
    }
    for (let i = 0; i < n_kv; i++) values[at + i] /= sum;
  }
  return { ...x, values };
}
// ---- soft_max_of_rows
/** Softmax over a whole row. */
export function soft_max_of_rows(x) {
  const values = new Float64Array(x.values.length);
  for (let at = 0; at < values.length; at += x.columns) {
    const row = x.values.subarray(at, at + x.columns);
    const highest = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce((total, value) => total + Math.exp(value - highest), 0);
    for (let i = 0; i < x.columns; i++) values[at + i] = Math.exp(row[i] - highest) / sum;
  }
  return { ...x, values };
}
// ---- attention_values
/** The cached values, weighted by each head's probabilities. */
export function attention_values(p, v, heads, group, head_dim) {
  const values = new Float64Array(p.rows * heads.length * head_dim);
  for (let row = 0; row < p.rows; row++) {
    for (const [i, head] of heads.entries()) {
      const from = Math.floor(head / group) * head_dim;
      for (let other = 0; other < v.rows; other++) {
        const weight = p.values[row * p.columns + i * v.rows + other];
        for (let d = 0; d < head_dim; d++) {
          values[(row * heads.length + i) * head_dim + d] += weight * v.values[other * v.columns + from + d];
        }
      }
    }
  }
  return { rows: p.rows, columns: heads.length * head_dim, values };
}
// ---- weighted
/** The rows of each expert times its weight. */
export const weighted = (x, weights) =>
  each(x, (value, i) => {
    const [row, column] = [Math.floor(i / x.columns), i % x.columns];
    return value * weights.values[row * weights.columns + Math.floor(column / (x.columns / weights.columns))];
  });
// ---- sigmoid
export const sigmoid = (x) => each(x, (value) => 1 / (1 + Math.exp(-value)));
// ---- clamp
export const clamp = (x, low, high) => each(x, (value) => Math.min(Math.max(value, low), high));
// ---- sum_of_row
export function sum_of_row(x) {
  const values = new Float64Array(x.rows);
  for (const [i, value] of x.values.entries()) values[Math.floor(i / x.columns)] += value;
  return { rows: x.rows, columns: 1, values };
}
// ---- over_row
/** Each row over a number of its own. */
export const over_row = (x, by) => each(x, (value, i) => value / by.values[Math.floor(i / x.columns)]);
// ---- pick
/** Of each row as many values as it has places. */
export function pick(x, places) {
  const columns = places.length / x.rows;
  const values = Float64Array.from(places, (place, i) => x.values[Math.floor(i / columns) * x.columns + place]);
  return { rows: x.rows, columns, values };
}
// ---- mat_mul_of_experts
/** Each value is a row of W, which the expert that was chosen there has, times one of the parts of a row of x. */
export function mat_mul_of_experts(x, w, picked, parts) {
  const values = new Float64Array(picked.length);
  for (const [at, output] of picked.entries()) {
    const begin = Math.floor(at / parts.length) * x.columns + parts[at % parts.length] * w.columns;
    for (let i = 0; i < w.columns; i++) values[at] += x.values[begin + i] * w.values[output * w.columns + i];
  }
  return { rows: x.rows, columns: parts.length, values };
}
// ---- add_picked
/** Plus the bias that the expert which was chosen there has. */
export const add_picked = (x, bias, picked) => each(x, (value, i) => value + bias.values[picked[i]]);
// ---- swiglu_oai
/** g · sigmoid(alpha g) · (u + 1), g at most the limit, u within ± the limit. */
export const swiglu_oai = (gate, up, alpha, limit) =>
  each(gate, (value, i) => {
    const g = Math.min(value, limit);
    return (g / (1 + Math.exp(-alpha * g))) * (Math.min(Math.max(up.values[i], -limit), limit) + 1);
  });
// ---- sum_of_parts
/** The parts of a row, which are equally long, added up. */
export function sum_of_parts(x, parts) {
  const columns = x.columns / parts;
  const values = new Float64Array(x.rows * columns);
  for (const [i, value] of x.values.entries()) values[Math.floor(i / x.columns) * columns + (i % columns)] += value;
  return { rows: x.rows, columns, values };
}
