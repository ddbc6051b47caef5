# ---- get_rows
def get_rows(table, ids):
    """The rows of a table that ids name."""
    return table[ids]
# ---- rms_norm
def rms_norm(x, eps, width):
    """Each piece of `width` values over the root of its mean square."""
    pieces = x.reshape(-1, width)
    return (pieces / np.sqrt(np.mean(pieces**2, axis=1, keepdims=True) + eps)).reshape(x.shape)
# ---- mul
def mul(x, weight):
    """Value by value times a weight, which begins again where it ends."""
    return x * np.tile(weight.reshape(-1), x.shape[1] // weight.size)
# ---- mat_mul
def mat_mul(x, w):
    """x W^T: each row of W makes one value."""
    return x @ w.T
# ---- add_bias
def add_bias(x, bias):
    return x + bias.reshape(-1)
# ---- add
def add(a, b):
    return a + b
# ---- scale
def scale(x, factor):
    return x * factor
# ---- soft_cap
def soft_cap(x, cap):
    return cap * np.tanh(x / cap)
# ---- silu
def silu(x):
    return x / (1 + np.exp(-x))
# ---- gelu
def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
# ---- gelu_erf
def gelu_erf(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / np.sqrt(2)))
# ---- gelu_quick
def gelu_quick(x):
    return x / (1 + np.exp(-1.702 * x))
# ---- relu
def relu(x):
    return np.maximum(x, 0)
# ---- glu
def glu(gate, up, activation):
    """activation(gate) * up"""
    return activation(gate) * up
# ---- glu_of_one
def glu_of_one(x, activation):
    """The same where one product has made both: the first half of a row is the gate."""
    half = x.shape[1] // 2
    return activation(x[:, :half]) * x[:, half:]
# ---- rope_frequencies
def rope_frequencies(dims, base, factor):
    """The angle of each pair at position 1."""
    return factor * base ** (-2 * np.arange(dims // 2, dtype=np.float64) / dims)
# ---- yarn_frequencies
def yarn_frequencies(dims, base, factor, original_context, beta_fast, beta_slow):
    """The same where slow pairs turn `factor` times as far and fast ones as they are, with a ramp between them."""
    def pair_that_turns(times):
        return dims * math.log(original_context / (times * 2 * math.pi)) / (2 * math.log(base))
    first = max(0, math.floor(pair_that_turns(beta_fast)))
    last = min(dims - 1, math.ceil(pair_that_turns(beta_slow)))
    pair = np.arange(dims // 2, dtype=np.float64)
    slow = np.clip((pair - first) / max(0.001, last - first), 0, 1)
    return (factor * slow + 1 - slow) * base ** (-2 * pair / dims)
# ---- slowed
def slowed(frequencies, factors):
    """Each frequency over its factor."""
    return frequencies / factors.reshape(-1)
# ---- rope
def rope(x, frequencies, positions, head_dim, halves, magnitude):
    """Each pair of each head turned by position * frequency. A pair is (j, j + dims / 2) where it is in halves, else (2j, 2j + 1)."""
    pairs = len(frequencies)
    heads = x.reshape(x.shape[0], -1, head_dim)
    first = np.arange(pairs) if halves else 2 * np.arange(pairs)
    second = first + (pairs if halves else 1)
    angle = np.outer(positions, frequencies)[:, None, :]
    a, b = heads[:, :, first], heads[:, :, second]
    turned = heads.copy()
    turned[:, :, first] = magnitude * (a * np.cos(angle) - b * np.sin(angle))
    turned[:, :, second] = magnitude * (a * np.sin(angle) + b * np.cos(angle))
    return turned.reshape(x.shape)
# ---- sees
def sees(position, n_kv, window):
    """Which positions a row sees: what is not after it, and within the window where there is one (0: none)."""
    other = np.arange(n_kv)
    return (other <= position) & ((window == 0) | (other > position - window))
# ---- scores
def scores(q, k, heads, group, head_dim, positions, window):
    """q . k of these query heads for each position of the cache; NaN where the mask hides it. `group` query heads share a head of k."""
    n_kv = k.shape[0]
    out = np.full((q.shape[0], len(heads), n_kv), np.nan)
    for row, position in enumerate(positions):
        seen = sees(position, n_kv, window)
        for i, head in enumerate(heads):
            at = head // group * head_dim
            out[row, i, seen] = (k[:, at:at + head_dim] @ q[row, i * head_dim:(i + 1) * head_dim])[seen]
    return out.reshape(q.shape[0], -1)
# ---- soft_max
def soft_max(x, n_kv, factor, positions, window):
    """exp(factor * score) over their sum, of each head over the positions that the row sees; 0 for the others."""
    by_head = x.reshape(x.shape[0], -1, n_kv)
    out = np.zeros_like(by_head)
    for row, position in enumerate(positions):
        seen = sees(position, n_kv, window)
        logits = factor * by_head[row][:, seen]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        out[row][:, seen] = powers / powers.sum(axis=1, keepdims=True)
    return out.reshape(x.shape)
# ---- soft_max_with_sinks
def soft_max_with_sinks(x, sinks, n_kv, factor, positions, window):
    """The same with a score more for each head, which takes its share and is no position."""
    by_head = x.reshape(x.shape[0], -1, n_kv)
    out = np.zeros_like(by_head)
    sink = sinks.reshape(-1, 1)
    for row, position in enumerate(positions):
        seen = sees(position, n_kv, window)
        logits = factor * by_head[row][:, seen]
        highest = np.maximum(logits.max(axis=1, keepdims=True), sink)
        powers = np.exp(logits - highest)
        out[row][:, seen] = powers / (powers.sum(axis=1, keepdims=True) + np.exp(sink - highest))
    return out.reshape(x.shape)
# ---- soft_max_of_rows
def soft_max_of_rows(x):
    """Softmax over a whole row."""
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
# ---- attention_values
def attention_values(p, v, heads, group, head_dim):
    """The cached values, weighted by each head's probabilities."""
    n_kv = v.shape[0]
    out = [p[:, i * n_kv:(i + 1) * n_kv] @ v[:, head // group * head_dim:][:, :head_dim] for i, head in enumerate(heads)]
    return np.concatenate(out, axis=1)
# ---- weighted
def weighted(x, weights):
    """The rows of each expert times its weight."""
    return x * np.repeat(weights, x.shape[1] // weights.shape[1], axis=1)
# ---- sigmoid
def sigmoid(x):
    return 1 / (1 + np.exp(-x))
# ---- clamp
def clamp(x, low, high):
    return np.clip(x, low, high)
# ---- sum_of_row
def sum_of_row(x):
    return x.sum(axis=1, keepdims=True)
# ---- over_row
def over_row(x, by):
    """Each row over a number of its own."""
    return x / by
# ---- pick
def pick(x, places):
    """Of each row as many values as it has places."""
    return np.take_along_axis(x, np.reshape(places, (x.shape[0], -1)), axis=1)
# ---- mat_mul_of_experts
def mat_mul_of_experts(x, w, picked, parts):
    """Each value is a row of W, which the expert that was chosen there has, times one of the parts of a row of x."""
    pieces = x.reshape(x.shape[0], -1, w.shape[1])[:, parts]
    weights = w[np.reshape(picked, (x.shape[0], -1))]
    return (pieces * weights).sum(axis=2)
# ---- add_picked
def add_picked(x, bias, picked):
    """Plus the bias that the expert which was chosen there has."""
    return x + bias.reshape(-1)[np.reshape(picked, x.shape)]
# ---- swiglu_oai
def swiglu_oai(gate, up, alpha, limit):
    """g * sigmoid(alpha g) * (u + 1), g at most the limit, u within +- the limit."""
    g = np.minimum(gate, limit)
    return g / (1 + np.exp(-alpha * g)) * (np.clip(up, -limit, limit) + 1)
# ---- sum_of_parts
def sum_of_parts(x, parts):
    """The parts of a row, which are equally long, added up."""
    return x.reshape(x.shape[0], parts, -1).sum(axis=1)
