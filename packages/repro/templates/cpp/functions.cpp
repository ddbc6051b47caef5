// ---- get_rows
/// The rows of a table that ids name.
Matrix get_rows(const Matrix& table, const Indices& ids) {
    Matrix out{ids.size(), table.columns, {}};
    for (size_t id : ids) out.values.insert(out.values.end(), &table.values[id * table.columns], &table.values[id * table.columns] + table.columns);
    return out;
}
// ---- rms_norm
/// Each piece of `width` values over the root of its mean square.
Matrix rms_norm(Matrix x, double eps, size_t width) {
    for (size_t at = 0; at < x.values.size(); at += width) {
        double square = 0;
        for (size_t i = at; i < at + width; i++) square += x.values[i] * x.values[i];
        double divisor = std::sqrt(square / double(width) + eps);
        for (size_t i = at; i < at + width; i++) x.values[i] /= divisor;
    }
    return x;
}
// ---- mul
/// Value by value times a weight, which begins again where it ends.
Matrix mul(Matrix x, const Matrix& weight) {
    for (size_t i = 0; i < x.values.size(); i++) x.values[i] *= weight.values[i % x.columns % weight.values.size()];
    return x;
}
// ---- mat_mul
/// x · Wᵀ: each row of W makes one value.
Matrix mat_mul(const Matrix& x, const Matrix& w) {
    Matrix out{x.rows, w.rows, std::vector<double>(x.rows * w.rows)};
    for (size_t row = 0; row < x.rows; row++)
        for (size_t output = 0; output < w.rows; output++)
            for (size_t i = 0; i < w.columns; i++)
                out.values[row * w.rows + output] += x.values[row * x.columns + i] * w.values[output * w.columns + i];
    return out;
}
// ---- add_bias
Matrix add_bias(Matrix x, const Matrix& bias) {
    for (size_t i = 0; i < x.values.size(); i++) x.values[i] += bias.values[i % x.columns];
    return x;
}
// ---- add
Matrix add(Matrix a, const Matrix& b) {
    for (size_t i = 0; i < a.values.size(); i++) a.values[i] += b.values[i];
    return a;
}
// ---- scale
Matrix scale(Matrix x, double factor) {
    for (double& value : x.values) value *= factor;
    return x;
}
// ---- soft_cap
Matrix soft_cap(Matrix x, double cap) {
    for (double& value : x.values) value = cap * std::tanh(value / cap);
    return x;
}
// ---- silu
double silu(double x) { return x / (1 + std::exp(-x)); }
// ---- gelu
double gelu(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / PI) * (x + 0.044715 * x * x * x))); }
// ---- gelu_erf
double gelu_erf(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }
// ---- gelu_quick
double gelu_quick(double x) { return x / (1 + std::exp(-1.702 * x)); }
// ---- relu
double relu(double x) { return std::max(x, 0.0); }
// ---- glu
/// activation(gate) · up
Matrix glu(Matrix gate, const Matrix& up, double (*activation)(double)) {
    for (size_t i = 0; i < gate.values.size(); i++) gate.values[i] = activation(gate.values[i]) * up.values[i];
    return gate;
}
// ---- glu_of_one
/// The same where one product has made both: the first half of a row is the gate.
Matrix glu_of_one(const Matrix& x, double (*activation)(double)) {
    size_t half = x.columns / 2;
    Matrix out{x.rows, half, {}};
    for (size_t row = 0; row < x.rows; row++)
        for (size_t i = row * x.columns; i < row * x.columns + half; i++)
            out.values.push_back(activation(x.values[i]) * x.values[i + half]);
    return out;
}
// ---- rope_frequencies
/// The angle of each pair at position 1.
Matrix rope_frequencies(size_t dims, double base, double factor) {
    Matrix out{1, dims / 2, {}};
    for (size_t pair = 0; pair < dims / 2; pair++) out.values.push_back(factor * std::pow(base, -2.0 * double(pair) / double(dims)));
    return out;
}
// ---- yarn_frequencies
/// The same where slow pairs turn `factor` times as far and fast ones as they are, with a ramp between them.
Matrix yarn_frequencies(size_t dims, double base, double factor, double original_context, double beta_fast, double beta_slow) {
    double n = double(dims);
    auto pair_that_turns = [&](double times) { return n * std::log(original_context / (times * 2 * PI)) / (2 * std::log(base)); };
    double first = std::max(0.0, std::floor(pair_that_turns(beta_fast)));
    double last = std::min(n - 1, std::ceil(pair_that_turns(beta_slow)));
    Matrix out{1, dims / 2, {}};
    for (size_t pair = 0; pair < dims / 2; pair++) {
        double slow = std::clamp((double(pair) - first) / std::max(0.001, last - first), 0.0, 1.0);
        out.values.push_back((factor * slow + 1 - slow) * std::pow(base, -2.0 * double(pair) / n));
    }
    return out;
}
// ---- slowed
/// Each frequency over its factor.
Matrix slowed(Matrix frequencies, const Matrix& factors) {
    for (size_t pair = 0; pair < frequencies.values.size(); pair++) frequencies.values[pair] /= factors.values[pair];
    return frequencies;
}
// ---- rope
/// Each pair of each head turned by position · frequency. A pair is (j, j + dims / 2) where it is in halves, else (2j, 2j + 1).
Matrix rope(Matrix x, const Matrix& frequencies, const Indices& positions, size_t head_dim, bool halves, double magnitude) {
    size_t pairs = frequencies.columns;
    for (size_t head = 0; head < x.values.size(); head += head_dim) {
        for (size_t j = 0; j < pairs; j++) {
            double angle = double(positions[head / x.columns]) * frequencies.values[j];
            double& first = x.values[head + (halves ? j : 2 * j)];
            double& second = x.values[head + (halves ? j + pairs : 2 * j + 1)];
            double a = first, b = second;
            first = magnitude * (a * std::cos(angle) - b * std::sin(angle));
            second = magnitude * (a * std::sin(angle) + b * std::cos(angle));
        }
    }
    return x;
}
// ---- sees
/// Whether the row of a position sees another one: what is not after it, and within the window where there is one (0: none).
bool sees(size_t position, size_t other, size_t window) { return other <= position && (window == 0 || other + window > position); }
// ---- scores
/// q · k of these query heads for each position of the cache; NaN where the mask hides it. `group` query heads share a head of k.
Matrix scores(const Matrix& q, const Matrix& k, const Indices& heads, size_t group, size_t head_dim, const Indices& positions, size_t window) {
    Matrix out{q.rows, heads.size() * k.rows, {}};
    for (size_t row = 0; row < q.rows; row++) {
        for (size_t i = 0; i < heads.size(); i++) {
            size_t from = heads[i] / group * head_dim;
            for (size_t other = 0; other < k.rows; other++) {
                double sum = 0;
                for (size_t d = 0; d < head_dim; d++)
                    sum += q.values[row * q.columns + i * head_dim + d] * k.values[other * k.columns + from + d];
                out.values.push_back(sees(positions[row], other, window) ? sum : NAN);
            }
        }
    }
    return out;
}
// ---- soft_max
/// exp(factor · score) over their sum, of each head over the positions that the row sees; 0 for the others.
Matrix soft_max(const Matrix& x, size_t n_kv, double factor, const Indices& positions, size_t window) {
    Matrix out{x.rows, x.columns, std::vector<double>(x.values.size())};
    for (size_t at = 0; at < x.values.size(); at += n_kv) {
        size_t position = positions[at / x.columns];
        double highest = -INFINITY, sum = 0;
        for (size_t i = 0; i < n_kv; i++)
            if (sees(position, i, window)) highest = std::max(highest, factor * x.values[at + i]);
        for (size_t i = 0; i < n_kv; i++)
            if (sees(position, i, window)) sum += out.values[at + i] = std::exp(factor * x.values[at + i] - highest);
        for (size_t i = 0; i < n_kv; i++) out.values[at + i] /= sum;
    }
    return out;
}
// ---- soft_max_with_sinks
/// The same with a score more for each head, which takes its share and is no position.
Matrix soft_max_with_sinks(const Matrix& x, const Matrix& sinks, size_t n_kv, double factor, const Indices& positions, size_t window) {
    Matrix out{x.rows, x.columns, std::vector<double>(x.values.size())};
    for (size_t at = 0; at < x.values.size(); at += n_kv) {
        size_t position = positions[at / x.columns];
        double sink = sinks.values[at % x.columns / n_kv], highest = sink;
        for (size_t i = 0; i < n_kv; i++)
            if (sees(position, i, window)) highest = std::max(highest, factor * x.values[at + i]);
        double sum = std::exp(sink - highest);
        for (size_t i = 0; i < n_kv; i++)
            if (sees(position, i, window)) sum += out.values[at + i] = std::exp(factor * x.values[at + i] - highest);
        for (size_t i = 0; i < n_kv; i++) out.values[at + i] /= sum;
    }
    return out;
}
// ---- soft_max_of_rows
/// Softmax over a whole row.
Matrix soft_max_of_rows(Matrix x) {
    for (size_t at = 0; at < x.values.size(); at += x.columns) {
        double highest = -INFINITY, sum = 0;
        for (size_t i = at; i < at + x.columns; i++) highest = std::max(highest, x.values[i]);
        for (size_t i = at; i < at + x.columns; i++) sum += x.values[i] = std::exp(x.values[i] - highest);
        for (size_t i = at; i < at + x.columns; i++) x.values[i] /= sum;
    }
    return x;
}
// ---- attention_values
/// The cached values, weighted by each head's probabilities.
Matrix attention_values(const Matrix& p, const Matrix& v, const Indices& heads, size_t group, size_t head_dim) {
    Matrix out{p.rows, heads.size() * head_dim, std::vector<double>(p.rows * heads.size() * head_dim)};
    for (size_t row = 0; row < p.rows; row++)
        for (size_t i = 0; i < heads.size(); i++)
            for (size_t other = 0; other < v.rows; other++)
                for (size_t d = 0; d < head_dim; d++)
                    out.values[(row * heads.size() + i) * head_dim + d] +=
                        p.values[row * p.columns + i * v.rows + other] * v.values[other * v.columns + heads[i] / group * head_dim + d];
    return out;
}
// ---- weighted
/// The rows of each expert times its weight.
Matrix weighted(Matrix x, const Matrix& weights) {
    size_t width = x.columns / weights.columns;
    for (size_t i = 0; i < x.values.size(); i++) x.values[i] *= weights.values[i / width];
    return x;
}
// ---- sigmoid
Matrix sigmoid(Matrix x) {
    for (double& value : x.values) value = 1 / (1 + std::exp(-value));
    return x;
}
// ---- clamp
Matrix clamp(Matrix x, double low, double high) {
    for (double& value : x.values) value = std::min(std::max(value, low), high);
    return x;
}
// ---- sum_of_row
Matrix sum_of_row(const Matrix& x) {
    Matrix out{x.rows, 1, std::vector<double>(x.rows)};
    for (size_t i = 0; i < x.values.size(); i++) out.values[i / x.columns] += x.values[i];
    return out;
}
// ---- over_row
/// Each row over a number of its own.
Matrix over_row(Matrix x, const Matrix& by) {
    for (size_t i = 0; i < x.values.size(); i++) x.values[i] /= by.values[i / x.columns];
    return x;
}
// ---- pick
/// Of each row as many values as it has places.
Matrix pick(const Matrix& x, const Indices& places) {
    size_t columns = places.size() / x.rows;
    Matrix out{x.rows, columns, {}};
    for (size_t i = 0; i < places.size(); i++) out.values.push_back(x.values[i / columns * x.columns + places[i]]);
    return out;
}
// ---- mat_mul_of_experts
/// Each value is a row of W, which the expert that was chosen there has, times one of the parts of a row of x.
Matrix mat_mul_of_experts(const Matrix& x, const Matrix& w, const Indices& picked, const Indices& parts) {
    Matrix out{x.rows, parts.size(), std::vector<double>(picked.size())};
    for (size_t at = 0; at < picked.size(); at++) {
        size_t begin = at / parts.size() * x.columns + parts[at % parts.size()] * w.columns;
        for (size_t i = 0; i < w.columns; i++) out.values[at] += x.values[begin + i] * w.values[picked[at] * w.columns + i];
    }
    return out;
}
// ---- add_picked
/// Plus the bias that the expert which was chosen there has.
Matrix add_picked(Matrix x, const Matrix& bias, const Indices& picked) {
    for (size_t i = 0; i < x.values.size(); i++) x.values[i] += bias.values[picked[i]];
    return x;
}
// ---- swiglu_oai
/// g · sigmoid(alpha g) · (u + 1), g at most the limit, u within ± the limit.
Matrix swiglu_oai(Matrix gate, const Matrix& up, double alpha, double limit) {
    for (size_t i = 0; i < gate.values.size(); i++) {
        double g = std::min(gate.values[i], limit);
        gate.values[i] = g / (1 + std::exp(-alpha * g)) * (std::min(std::max(up.values[i], -limit), limit) + 1);
    }
    return gate;
}
// ---- sum_of_parts
/// The parts of a row, which are equally long, added up.
Matrix sum_of_parts(const Matrix& x, size_t parts) {
    size_t columns = x.columns / parts;
    Matrix out{x.rows, columns, std::vector<double>(x.rows * columns)};
    for (size_t i = 0; i < x.values.size(); i++) out.values[i / x.columns * columns + i % columns] += x.values[i];
    return out;
}
