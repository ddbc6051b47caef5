// Llama as the paper and the model card have it, token by token, in plain loops. It shares no code with what is tested.

/** Wrong on purpose, each in one line below: at which stage that shows first, and what `probe bugs` calls it. */
export const BUGS = {
  'rope-halves': ['q_rope', 'rope-halves'], // pairs (j, j + d/2), in a file whose pairs are (2j, 2j + 1)
  'rope-base': ['q_rope', 'rope-theta'], // 500000 instead of the file's
  'rope-from-1': ['q_rope', 'rope-position-offset'], // positions are counted from 1
  'rope-backwards': ['q_rope', 'rope-direction'],
  'rope-left-out': ['q_rope', 'rope-missing'],
  'rope-twice': ['q_rope', 'rope-twice'],
  'rope-scaled': ['q_rope', 'rope-scale'], // by 4
  'rope-half-head': ['q_rope', 'rope-partial-tail'], // its second half stays as it is
  'rope-values': ['v_proj', 'rope-on-values'],
  'rms-eps': ['attn_rms', 'rms-eps'], // 1e-3, as Keras has it, instead of the file's
  'layer-norm': ['attn_rms', 'rms-mean-subtracted'],
  'no-norm-weight': ['ffn_norm', 'norm-weight-missing'],
  'norm-weight-plus-1': ['ffn_norm', 'norm-weight-plus-one'], // as Gemma's checkpoints want it
  'gqa-tiled': ['kq', 'gqa-tiled'], // head h reads the key of head h mod n_kv
  'no-gqa': ['kq', 'gqa-divisor'], // all heads read the first key
  'scaled-twice': ['kq', 'kq-scaled'],
  'no-scale': ['kq_soft_max', 'attention-scale-missing'], // scores are not divided by √d
  'scale-of-width': ['kq_soft_max', 'attention-scale-dimension'], // 1/√n_embd
  'no-mask': ['kq_soft_max', 'mask-missing'], // a prompt's token sees those after it
  'mask-one-late': ['kq_soft_max', 'mask-off-by-one'], // and only the next one
  window: ['kq', 'sliding-window'], // of 4 tokens, or of so many: nothing is written of the others
  'softmax-sum': ['kq_soft_max', 'softmax-not-divided'],
  'heads-apart': ['kqv_out', 'head-order'], // value by value, not head by head
  'q-transposed': ['q_proj', 'weight-transposed'],
  'k-from-v': ['k_proj', 'weight-exchanged'],
  'down-of-first-layer': ['ffn_out', 'weight-other-layer'],
  gelu: ['ffn_swiglu', 'activation-gelu'],
  relu: ['ffn_swiglu', 'activation-relu'],
  'swiglu-swapped': ['ffn_swiglu', 'gate-up-exchanged'], // silu of up instead of gate
  'no-residual': ['l_out', 'residual-missing'], // the layer's second residual is left out
  'residual-twice': ['ffn_inp', 'residual-twice'],
  'embedding-scaled': ['embd', 'embedding-scaled'], // by √n_embd
  'logits-scaled': ['result_output', 'logits-scaled'], // by 1.25
  'decode-position': ['q_rope', 'rope-cache-length'], // decoded tokens are turned by a position too far
};

/** What some of them are called where Q and K are in Hugging Face's order. */
export const NAMES_IN_HF = { 'rope-halves': 'rope-neighbours' };

/** Wrong only for what a cache already has, so that one prefill is right: `--cache-bug`, and at which stage that shows first. */
export const CACHE_BUGS = {
  'positions-restart': 'q_rope', // from 0 in each pass
  'mask-restarts': 'kq_soft_max', // row i of a pass sees the first i + 1 tokens of all
  'mask-ahead': 'kq_soft_max', // and in a later pass all of its own tokens
  'slot-overwritten': 'kq', // in the fourth pass the key of token 1
  'one-place-off': 'kq', // cached keys are read one slot too early
  'turned-again': 'kq', // cached keys are rotated when they are read, too
  'values-of-first': 'kqv_out', // cached values are those of token 0
};

const sum = (n, f) => {
  let total = 0;
  for (let i = 0; i < n; i++) total += f(i);
  return total;
};

const silu = (g) => g / (1 + Math.exp(-g));
const gelu = (g) => (g / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g ** 3)));
const transposed = (w, n) => w.map((_, i) => w[(i % n) * n + Math.floor(i / n)]);

/**
 * @param {ReturnType<typeof import('../../examples/javascript/gguf.js').readGguf>} file
 * @param {{ bug?: string, order?: 'gguf' | 'hf', round?: (value: number) => number, from?: number, window?: number, cacheBug?: string }} options `order`: how the rows
 * of Q and K are written, and turned; `round`: what each stage's values are rounded to; `from`: the first layer that has the bug; `window`: how many tokens the bug of that name sees
 */
export function openLlama(
  { metadata, weights },
  { bug, order = 'gguf', round = Math.fround, from = 0, window = 4, cacheBug } = {},
) {
  const weight = (name) => weights[name];
  const of = (key) => metadata[`llama.${key}`];
  const [width, layers, heads, ff] = [
    'embedding_length',
    'block_count',
    'attention.head_count',
    'feed_forward_length',
  ].map(of);
  const kvHeads = of('attention.head_count_kv') ?? heads;
  const d = width / heads;
  const vocabulary = metadata['tokenizer.ggml.tokens']?.length ?? of('vocab_size');
  const isSick = (name, layer) => bug === name && layer >= from;
  const embedding = weight('token_embd.weight');
  const output = weight('output.weight') ?? embedding;
  const outputNorm = weight('output_norm.weight');
  const names = [
    'attn_norm',
    'attn_q',
    'attn_k',
    'attn_v',
    'attn_output',
    'ffn_norm',
    'ffn_gate',
    'ffn_up',
    'ffn_down',
  ];
  const blk = Array.from({ length: layers }, (_, il) =>
    Object.fromEntries(names.map((name) => [name, weight(`blk.${il}.${name}.weight`)])),
  );
  let passes = 0;
  const cache = blk.map(() => ({ k: [], v: [] }));

  const rows = (n, f) => Float32Array.from({ length: n }, (_, i) => round(f(i)));
  const product = (w, x) => rows(w.length / x.length, (i) => sum(x.length, (j) => w[i * x.length + j] * x[j]));
  const rms = (x, il) => {
    const eps = isSick('rms-eps', il) ? 1e-3 : of('attention.layer_norm_rms_epsilon');
    const mean = isSick('layer-norm', il) ? sum(x.length, (i) => x[i]) / x.length : 0;
    const scale = 1 / Math.sqrt(sum(x.length, (i) => (x[i] - mean) ** 2) / x.length + eps);
    return rows(x.length, (i) => (x[i] - mean) * scale);
  };
  /** The rows of a projection as Hugging Face has them: first the halves of all pairs that are first, then the others. */
  const ordered = (x) =>
    order === 'hf' ? x.map((_, i) => x[i - (i % d) + (i % d < d / 2 ? 2 * (i % d) : 2 * (i % d) - d + 1)]) : x;
  const rope = (x, position, il) => {
    const base = isSick('rope-base', il) ? 500000 : (of('rope.freq_base') ?? 10000);
    const isHalves = (order === 'hf') !== isSick('rope-halves', il);
    const y = x.slice();
    if (isSick('rope-left-out', il)) return y;
    const turns = (isSick('rope-backwards', il) ? -1 : 1) * (isSick('rope-twice', il) ? 2 : 1);
    for (let head = 0; head < x.length; head += d) {
      for (let j = 0; j < (isSick('rope-half-head', il) ? d / 4 : d / 2); j++) {
        const [a, b] = isHalves ? [head + j, head + j + d / 2] : [head + 2 * j, head + 2 * j + 1];
        const angle = turns * position * base ** ((-2 * j) / d);
        y[a] = round(x[a] * Math.cos(angle) - x[b] * Math.sin(angle));
        y[b] = round(x[a] * Math.sin(angle) + x[b] * Math.cos(angle));
      }
    }
    return y;
  };
  const turnedBy = (position, step, il) =>
    (position + (isSick('rope-from-1', il) || (isSick('decode-position', il) && step > 0) ? 1 : 0)) /
    (isSick('rope-scaled', il) ? 4 : 1);
  const kvHead = (h, il) => {
    if (isSick('gqa-tiled', il)) return h % kvHeads;
    return isSick('no-gqa', il) ? 0 : Math.floor(h / (heads / kvHeads));
  };

  /**
   * One pass over tokens at the positions that follow what the cache has.
   *
   * @param {(stage: string, layer: number | null, rows: Float32Array[]) => void} keep told of each stage, a row for each token
   * @returns {Float32Array} the last token's logits
   */
  return function forward(tokens, step, keep) {
    const first = cache[0].k.length;
    const has = (name) => cacheBug === name && first > 0;
    const base = has('positions-restart') ? 0 : first;
    passes++;
    const kept = (stage, layer, x) => {
      keep(stage, layer, x);
      return x;
    };
    const each = (stage, layer, xs, f) => kept(stage, layer, xs.map(f));
    const add = (stage, layer, xs, ys) => each(stage, layer, xs, (x, t) => rows(x.length, (i) => x[i] + ys[t][i]));

    const embeddingScale = bug === 'embedding-scaled' ? Math.sqrt(width) : 1;
    let x = each('embd', null, tokens, (id) => rows(width, (i) => embedding[id * width + i] * embeddingScale));
    for (let il = 0; il < layers; il++) {
      const w = blk[il];
      const { k, v } = cache[il];
      const scaled = (stage, xs, by) => each(stage, il, xs, (row) => rows(row.length, (i) => row[i] * by[i]));

      const attnNorm = scaled(
        'attn_norm',
        each('attn_rms', il, x, (row) => rms(row, il)),
        w.attn_norm,
      );
      const wq = isSick('q-transposed', il) ? transposed(w.attn_q, width) : w.attn_q;
      const q = each('q_proj', il, attnNorm, (row) => ordered(product(wq, row)));
      const wk = isSick('k-from-v', il) ? w.attn_v : w.attn_k;
      const kNew = each('k_proj', il, attnNorm, (row) => ordered(product(wk, row)));
      const vNew = attnNorm.map((row) => product(w.attn_v, row));
      v.push(...each('v_proj', il, vNew, (row, t) => (isSick('rope-values', il) ? rope(row, first + t, il) : row)));
      const qRope = each('q_rope', il, q, (row, t) => rope(row, turnedBy(base + t, step, il), il));
      k.push(...each('k_rope', il, kNew, (row, t) => rope(row, turnedBy(base + t, step, il), il)));
      if (cacheBug === 'slot-overwritten' && passes === 4) k[1] = k[first];

      const seen = k.length; // (heads, n_kv), side by side
      const isHidden = (p, t) =>
        (p > (has('mask-restarts') ? 0 : first) + t + (isSick('mask-one-late', il) ? 1 : 0) &&
          !isSick('no-mask', il) &&
          !has('mask-ahead')) ||
        (p <= first + t - window && isSick('window', il));
      const keys = k.map((key, p) => {
        if (p >= first) return key;
        if (has('one-place-off')) return k[Math.max(0, p - 1)];
        return has('turned-again') ? rope(key, p, il) : key;
      });
      const kq = each('kq', il, qRope, (row, t) =>
        Float32Array.from({ length: heads * seen }, (_, at) => {
          const [h, p] = [Math.floor(at / seen), at % seen];
          if (isHidden(p, t)) return Number.NaN;
          const by = isSick('scaled-twice', il) ? 1 / Math.sqrt(d) : 1;
          return round(by * sum(d, (i) => row[h * d + i] * keys[p][kvHead(h, il) * d + i]));
        }),
      );
      const scale = isSick('no-scale', il) ? 1 : 1 / Math.sqrt(isSick('scale-of-width', il) ? width : d);
      const soft = each('kq_soft_max', il, kq, (row) => {
        const y = new Float32Array(row.length);
        for (let h = 0; h < heads; h++) {
          const scores = [...row.subarray(h * seen, (h + 1) * seen)].map((s) =>
            Number.isNaN(s) ? -Infinity : s * scale,
          );
          const top = Math.max(...scores);
          const exps = scores.map((s) => Math.exp(s - top));
          const total = isSick('softmax-sum', il) ? 1 : sum(seen, (p) => exps[p]);
          for (let p = 0; p < seen; p++) y[h * seen + p] = round(exps[p] / total);
        }
        return y;
      });
      const kqv = each('kqv_out', il, soft, (row) =>
        rows(heads * d, (at) => {
          const [h, i] = isSick('heads-apart', il)
            ? [at % heads, Math.floor(at / heads)]
            : [Math.floor(at / d), at % d];
          return sum(
            seen,
            (p) => row[h * seen + p] * v[has('values-of-first') && p < first ? 0 : p][kvHead(h, il) * d + i],
          );
        }),
      );
      const attnOut = each('attn_out', il, kqv, (row) => product(w.attn_output, row));
      const residual = isSick('residual-twice', il) ? x.map((row) => row.map((value) => 2 * value)) : x;
      const ffnInp = add('ffn_inp', il, attnOut, residual);

      const ffnRms = each('ffn_rms', il, ffnInp, (row) => rms(row, il));
      const ffnNorm = isSick('no-norm-weight', il)
        ? kept('ffn_norm', il, ffnRms)
        : scaled('ffn_norm', ffnRms, isSick('norm-weight-plus-1', il) ? w.ffn_norm.map((g) => g + 1) : w.ffn_norm);
      const gate = each('ffn_gate', il, ffnNorm, (row) => product(w.ffn_gate, row));
      const up = each('ffn_up', il, ffnNorm, (row) => product(w.ffn_up, row));
      const [a, b] = isSick('swiglu-swapped', il) ? [up, gate] : [gate, up];
      const activation = isSick('gelu', il) ? gelu : isSick('relu', il) ? (g) => Math.max(g, 0) : silu;
      const act = each('ffn_swiglu', il, a, (row, t) => rows(ff, (i) => activation(row[i]) * b[t][i]));
      const down = isSick('down-of-first-layer', il) ? blk[0].ffn_down : w.ffn_down;
      const ffnOut = each('ffn_out', il, act, (row) => product(down, row));
      x = isSick('no-residual', il) ? kept('l_out', il, ffnOut) : add('l_out', il, ffnOut, ffnInp);
    }
    const last = each('result_rms', null, x, (row) => rms(row, layers));
    const normed = each('result_norm', null, last, (row) => rows(width, (i) => row[i] * outputNorm[i]));
    const logitScale = bug === 'logits-scaled' ? 1.25 : 1;
    const logits = each('result_output', null, normed, (row) =>
      product(output, row)
        .subarray(0, vocabulary)
        .map((value) => round(value * logitScale)),
    );
    return logits.at(-1);
  };
}
