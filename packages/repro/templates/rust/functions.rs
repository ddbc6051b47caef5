// ---- get_rows
/// The rows of a table that ids name.
fn get_rows(table: &Matrix, ids: &[usize]) -> Matrix {
    let row = |&id: &usize| table.values[id * table.columns..(id + 1) * table.columns].to_vec();
    Matrix { rows: ids.len(), columns: table.columns, values: ids.iter().flat_map(row).collect() }
}
// ---- rms_norm
/// Each piece of `width` values over the root of its mean square.
fn rms_norm(x: &Matrix, eps: f64, width: usize) -> Matrix {
    let mut values = x.values.clone();
    for piece in values.chunks_mut(width) {
        let square: f64 = piece.iter().map(|v| v * v).sum();
        let divisor = (square / width as f64 + eps).sqrt();
        piece.iter_mut().for_each(|v| *v /= divisor);
    }
    Matrix { values, ..*x }
}
// ---- mul
/// Value by value times a weight, which begins again where it ends.
fn mul(x: &Matrix, weight: &Matrix) -> Matrix {
    let by = |(i, v): (usize, &f64)| v * weight.values[i % x.columns % weight.values.len()];
    Matrix { values: x.values.iter().enumerate().map(by).collect(), ..*x }
}
// ---- mat_mul
/// x · Wᵀ: each row of W makes one value.
fn mat_mul(x: &Matrix, w: &Matrix) -> Matrix {
    let mut values = Vec::new();
    for row in x.values.chunks(x.columns) {
        for weights in w.values.chunks(w.columns) {
            values.push(row.iter().zip(weights).map(|(a, b)| a * b).sum());
        }
    }
    Matrix { rows: x.rows, columns: w.rows, values }
}
// ---- add_bias
fn add_bias(x: &Matrix, bias: &Matrix) -> Matrix {
    Matrix { values: x.values.iter().enumerate().map(|(i, v)| v + bias.values[i % x.columns]).collect(), ..*x }
}
// ---- add
fn add(a: &Matrix, b: &Matrix) -> Matrix {
    Matrix { values: a.values.iter().zip(&b.values).map(|(x, y)| x + y).collect(), ..*a }
}
// ---- scale
fn scale(x: &Matrix, factor: f64) -> Matrix {
    Matrix { values: x.values.iter().map(|v| v * factor).collect(), ..*x }
}
// ---- soft_cap
fn soft_cap(x: &Matrix, cap: f64) -> Matrix {
    Matrix { values: x.values.iter().map(|v| cap * (v / cap).tanh()).collect(), ..*x }
}
// ---- silu
fn silu(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}
// ---- gelu
fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
}
// ---- gelu_erf
/// The error function by its Maclaurin series, and beyond 3 by its continued fraction.
fn erf(x: f64) -> f64 {
    let a = x.abs();
    let root = std::f64::consts::PI.sqrt();
    if a < 3.0 {
        let (mut term, mut sum) = (a, a);
        for n in 1..100 {
            term *= -a * a / n as f64;
            sum += term / (2 * n + 1) as f64;
        }
        return x.signum() * 2.0 * sum / root;
    }
    let fraction = (1..=60).rev().fold(a, |fraction, n| a + n as f64 / 2.0 / fraction);
    x.signum() * (1.0 - (-a * a).exp() / (fraction * root))
}
fn gelu_erf(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2))
}
// ---- gelu_quick
fn gelu_quick(x: f64) -> f64 {
    x / (1.0 + (-1.702 * x).exp())
}
// ---- relu
fn relu(x: f64) -> f64 {
    x.max(0.0)
}
// ---- glu
/// activation(gate) · up
fn glu(gate: &Matrix, up: &Matrix, activation: fn(f64) -> f64) -> Matrix {
    Matrix { values: gate.values.iter().zip(&up.values).map(|(g, u)| activation(*g) * u).collect(), ..*gate }
}
// ---- glu_of_one
/// The same where one product has made both: the first half of a row is the gate.
fn glu_of_one(x: &Matrix, activation: fn(f64) -> f64) -> Matrix {
    let half = x.columns / 2;
    let both = |row: &[f64]| (0..half).map(|i| activation(row[i]) * row[i + half]).collect::<Vec<f64>>();
    Matrix { rows: x.rows, columns: half, values: x.values.chunks(x.columns).flat_map(both).collect() }
}
// ---- rope_frequencies
/// The angle of each pair at position 1.
fn rope_frequencies(dims: usize, base: f64, factor: f64) -> Matrix {
    let values = (0..dims / 2).map(|pair| factor * base.powf(-2.0 * pair as f64 / dims as f64)).collect();
    Matrix { rows: 1, columns: dims / 2, values }
}
// ---- yarn_frequencies
/// The same where slow pairs turn `factor` times as far and fast ones as they are, with a ramp between them.
fn yarn_frequencies(dims: usize, base: f64, factor: f64, original_context: f64, beta_fast: f64, beta_slow: f64) -> Matrix {
    let n = dims as f64;
    let pair_that_turns = |times: f64| n * (original_context / (times * 2.0 * std::f64::consts::PI)).ln() / (2.0 * base.ln());
    let first = pair_that_turns(beta_fast).floor().max(0.0);
    let last = pair_that_turns(beta_slow).ceil().min(n - 1.0);
    let value = |pair: usize| {
        let slow = ((pair as f64 - first) / (last - first).max(0.001)).clamp(0.0, 1.0);
        (factor * slow + 1.0 - slow) * base.powf(-2.0 * pair as f64 / n)
    };
    Matrix { rows: 1, columns: dims / 2, values: (0..dims / 2).map(value).collect() }
}
// ---- slowed
/// Each frequency over its factor.
fn slowed(frequencies: &Matrix, factors: &Matrix) -> Matrix {
    Matrix { values: frequencies.values.iter().zip(&factors.values).map(|(f, by)| f / by).collect(), ..*frequencies }
}
// ---- rope
/// Each pair of each head turned by position · frequency. A pair is (j, j + dims / 2) where it is in halves, else (2j, 2j + 1).
fn rope(x: &Matrix, frequencies: &Matrix, positions: &[usize], head_dim: usize, halves: bool, magnitude: f64) -> Matrix {
    let pairs = frequencies.columns;
    let mut values = x.values.clone();
    for (i, head) in values.chunks_mut(head_dim).enumerate() {
        for j in 0..pairs {
            let angle = positions[i * head_dim / x.columns] as f64 * frequencies.values[j];
            let (first, second) = if halves { (j, j + pairs) } else { (2 * j, 2 * j + 1) };
            let (a, b) = (head[first], head[second]);
            head[first] = magnitude * (a * angle.cos() - b * angle.sin());
            head[second] = magnitude * (a * angle.sin() + b * angle.cos());
        }
    }
    Matrix { values, ..*x }
}
// ---- sees
/// Whether the row of a position sees another one: what is not after it, and within the window where there is one (0: none).
fn sees(position: usize, other: usize, window: usize) -> bool {
    other <= position && (window == 0 || other + window > position)
}
// ---- scores
/// q · k of these query heads for each position of the cache; NaN where the mask hides it. `group` query heads share a head of k.
fn scores(q: &Matrix, k: &Matrix, heads: &[usize], group: usize, head_dim: usize, positions: &[usize], window: usize) -> Matrix {
    let mut values = Vec::new();
    for (row, query) in q.values.chunks(q.columns).enumerate() {
        for (i, head) in heads.iter().enumerate() {
            let from = head / group * head_dim;
            for other in 0..k.rows {
                let key = &k.values[other * k.columns + from..][..head_dim];
                let sum: f64 = query[i * head_dim..].iter().zip(key).map(|(a, b)| a * b).sum();
                values.push(if sees(positions[row], other, window) { sum } else { f64::NAN });
            }
        }
    }
    Matrix { rows: q.rows, columns: heads.len() * k.rows, values }
}
// ---- soft_max
/// exp(factor · score) over their sum, of each head over the positions that the row sees; 0 for the others.
fn soft_max(x: &Matrix, n_kv: usize, factor: f64, positions: &[usize], window: usize) -> Matrix {
    let mut values = vec![0.0; x.values.len()];
    for (i, head) in x.values.chunks(n_kv).enumerate() {
        let position = positions[i * n_kv / x.columns];
        let seen: Vec<usize> = (0..n_kv).filter(|&other| sees(position, other, window)).collect();
        let highest = seen.iter().map(|&other| factor * head[other]).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = seen.iter().map(|&other| (factor * head[other] - highest).exp()).sum();
        for other in seen {
            values[i * n_kv + other] = (factor * head[other] - highest).exp() / sum;
        }
    }
    Matrix { values, ..*x }
}
// ---- soft_max_with_sinks
/// The same with a score more for each head, which takes its share and is no position.
fn soft_max_with_sinks(x: &Matrix, sinks: &Matrix, n_kv: usize, factor: f64, positions: &[usize], window: usize) -> Matrix {
    let mut values = vec![0.0; x.values.len()];
    for (i, head) in x.values.chunks(n_kv).enumerate() {
        let position = positions[i * n_kv / x.columns];
        let sink = sinks.values[i % (x.columns / n_kv)];
        let seen: Vec<usize> = (0..n_kv).filter(|&other| sees(position, other, window)).collect();
        let highest = seen.iter().map(|&other| factor * head[other]).fold(sink, f64::max);
        let sum: f64 = seen.iter().map(|&other| (factor * head[other] - highest).exp()).sum::<f64>() + (sink - highest).exp();
        for other in seen {
            values[i * n_kv + other] = (factor * head[other] - highest).exp() / sum;
        }
    }
    Matrix { values, ..*x }
}
// ---- soft_max_of_rows
/// Softmax over a whole row.
fn soft_max_of_rows(x: &Matrix) -> Matrix {
    let mut values = x.values.clone();
    for row in values.chunks_mut(x.columns) {
        let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter_mut().for_each(|v| *v = (*v - highest).exp());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|v| *v /= sum);
    }
    Matrix { values, ..*x }
}
// ---- attention_values
/// The cached values, weighted by each head's probabilities.
fn attention_values(p: &Matrix, v: &Matrix, heads: &[usize], group: usize, head_dim: usize) -> Matrix {
    let mut values = vec![0.0; p.rows * heads.len() * head_dim];
    for (at, out) in values.chunks_mut(head_dim).enumerate() {
        let (row, i) = (at / heads.len(), at % heads.len());
        let from = heads[i] / group * head_dim;
        for other in 0..v.rows {
            let weight = p.values[row * p.columns + i * v.rows + other];
            for d in 0..head_dim {
                out[d] += weight * v.values[other * v.columns + from + d];
            }
        }
    }
    Matrix { rows: p.rows, columns: heads.len() * head_dim, values }
}
// ---- weighted
/// The rows of each expert times its weight.
fn weighted(x: &Matrix, weights: &Matrix) -> Matrix {
    let width = x.columns / weights.columns;
    Matrix { values: x.values.iter().enumerate().map(|(i, v)| v * weights.values[i / width]).collect(), ..*x }
}
// ---- sigmoid
fn sigmoid(x: &Matrix) -> Matrix {
    Matrix { values: x.values.iter().map(|v| 1.0 / (1.0 + (-v).exp())).collect(), ..*x }
}
// ---- clamp
fn clamp(x: &Matrix, low: f64, high: f64) -> Matrix {
    Matrix { values: x.values.iter().map(|v| v.max(low).min(high)).collect(), ..*x }
}
// ---- sum_of_row
fn sum_of_row(x: &Matrix) -> Matrix {
    Matrix { rows: x.rows, columns: 1, values: x.values.chunks(x.columns).map(|row| row.iter().sum()).collect() }
}
// ---- over_row
/// Each row over a number of its own.
fn over_row(x: &Matrix, by: &Matrix) -> Matrix {
    Matrix { values: x.values.iter().enumerate().map(|(i, v)| v / by.values[i / x.columns]).collect(), ..*x }
}
// ---- pick
/// Of each row as many values as it has places.
fn pick(x: &Matrix, places: &[usize]) -> Matrix {
    let columns = places.len() / x.rows;
    let value = |(i, place): (usize, &usize)| x.values[i / columns * x.columns + place];
    Matrix { rows: x.rows, columns, values: places.iter().enumerate().map(value).collect() }
}
// ---- mat_mul_of_experts
/// Each value is a row of W, which the expert that was chosen there has, times one of the parts of a row of x.
fn mat_mul_of_experts(x: &Matrix, w: &Matrix, picked: &[usize], parts: &[usize]) -> Matrix {
    let value = |(at, output): (usize, &usize)| {
        let begin = at / parts.len() * x.columns + parts[at % parts.len()] * w.columns;
        (0..w.columns).map(|i| x.values[begin + i] * w.values[output * w.columns + i]).sum()
    };
    Matrix { rows: x.rows, columns: parts.len(), values: picked.iter().enumerate().map(value).collect() }
}
// ---- add_picked
/// Plus the bias that the expert which was chosen there has.
fn add_picked(x: &Matrix, bias: &Matrix, picked: &[usize]) -> Matrix {
    Matrix { values: x.values.iter().zip(picked).map(|(v, &at)| v + bias.values[at]).collect(), ..*x }
}
// ---- swiglu_oai
/// g · sigmoid(alpha g) · (u + 1), g at most the limit, u within ± the limit.
fn swiglu_oai(gate: &Matrix, up: &Matrix, alpha: f64, limit: f64) -> Matrix {
    let unit = |(gate, up): (&f64, &f64)| {
        let g = gate.min(limit);
        g / (1.0 + (-alpha * g).exp()) * (up.max(-limit).min(limit) + 1.0)
    };
    Matrix { values: gate.values.iter().zip(&up.values).map(unit).collect(), ..*gate }
}
// ---- sum_of_parts
/// The parts of a row, which are equally long, added up.
fn sum_of_parts(x: &Matrix, parts: usize) -> Matrix {
    let columns = x.columns / parts;
    let mut values = vec![0.0; x.rows * columns];
    for (i, value) in x.values.iter().enumerate() {
        values[i / x.columns * columns + i % columns] += value;
    }
    Matrix { rows: x.rows, columns, values }
}
