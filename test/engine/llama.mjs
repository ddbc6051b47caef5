import { readGguf } from './gguf.mjs';

// Llama as the paper and the model card have it, token by token, in plain loops. It shares no code with anything else here.

/** Wrong on purpose. Each is one line below. */
export const BUGS = [
  'rope-halves', // pairs (j, j + d/2), in a file whose pairs are (2j, 2j + 1)
  'rope-base', // 500000 instead of the file's
  'rope-from-1', // positions are counted from 1
  'rms-eps', // 1e-3, as Keras has it, instead of the file's
  'gqa-tiled', // head h reads the key of head h mod n_kv
  'no-gqa', // all heads read the first key
  'no-scale', // scores are not divided by √d
  'no-mask', // a prompt's token sees those after it
  'swiglu-swapped', // silu of up instead of gate
  'no-norm-weight', // the norms before the feed-forward have no weight
  'no-residual', // the layer's second residual is left out
  'decode-position', // decoded tokens are turned by a position too far
];

const sum = (n, f) => {
  let total = 0;
  for (let i = 0; i < n; i++) total += f(i);
  return total;
};

/**
 * @param {string} path a GGUF file
 * @param {{ bug?: string, order?: 'gguf' | 'hf', round?: (value: number) => number, from?: number }} options `order`: how the rows of Q and K are written,
 * and turned; `round`: what each stage's values are rounded to; `from`: the first layer that has the bug
 */
export function openLlama(path, { bug, order = 'gguf', round = Math.fround, from = 0 } = {}) {
  const { metadata, weight, has } = readGguf(path);
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
  const output = has('output.weight') ? weight('output.weight') : embedding;
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
  const cache = blk.map(() => ({ k: [], v: [] }));

  const rows = (n, f) => Float32Array.from({ length: n }, (_, i) => round(f(i)));
  const product = (w, x) => rows(w.length / x.length, (i) => sum(x.length, (j) => w[i * x.length + j] * x[j]));
  const rms = (x, il) => {
    const eps = isSick('rms-eps', il) ? 1e-3 : of('attention.layer_norm_rms_epsilon');
    const scale = 1 / Math.sqrt(sum(x.length, (i) => x[i] * x[i]) / x.length + eps);
    return rows(x.length, (i) => x[i] * scale);
  };
  /** The rows of a projection as Hugging Face has them: first the halves of all pairs that are first, then the others. */
  const ordered = (x) =>
    order === 'hf' ? x.map((_, i) => x[i - (i % d) + (i % d < d / 2 ? 2 * (i % d) : 2 * (i % d) - d + 1)]) : x;
  const rope = (x, position, il) => {
    const base = isSick('rope-base', il) ? 500000 : (of('rope.freq_base') ?? 10000);
    const isHalves = (order === 'hf') !== isSick('rope-halves', il);
    const y = new Float32Array(x.length);
    for (let head = 0; head < x.length; head += d) {
      for (let j = 0; j < d / 2; j++) {
        const [a, b] = isHalves ? [head + j, head + j + d / 2] : [head + 2 * j, head + 2 * j + 1];
        const angle = position * base ** ((-2 * j) / d);
        y[a] = round(x[a] * Math.cos(angle) - x[b] * Math.sin(angle));
        y[b] = round(x[a] * Math.sin(angle) + x[b] * Math.cos(angle));
      }
    }
    return y;
  };
  const turnedBy = (position, step, il) =>
    position + (isSick('rope-from-1', il) || (isSick('decode-position', il) && step > 0) ? 1 : 0);
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
    const kept = (stage, layer, x) => {
      keep(stage, layer, x);
      return x;
    };
    const each = (stage, layer, xs, f) => kept(stage, layer, xs.map(f));
    const add = (stage, layer, xs, ys) => each(stage, layer, xs, (x, t) => rows(x.length, (i) => x[i] + ys[t][i]));

    let x = each('embd', null, tokens, (id) => rows(width, (i) => embedding[id * width + i]));
    for (let il = 0; il < layers; il++) {
      const w = blk[il];
      const { k, v } = cache[il];
      const scaled = (stage, xs, by) => each(stage, il, xs, (row) => rows(row.length, (i) => row[i] * by[i]));

      const attnNorm = scaled(
        'attn_norm',
        each('attn_rms', il, x, (row) => rms(row, il)),
        w.attn_norm,
      );
      const q = each('q_proj', il, attnNorm, (row) => ordered(product(w.attn_q, row)));
      const kNew = each('k_proj', il, attnNorm, (row) => ordered(product(w.attn_k, row)));
      v.push(...each('v_proj', il, attnNorm, (row) => product(w.attn_v, row)));
      const qRope = each('q_rope', il, q, (row, t) => rope(row, turnedBy(first + t, step, il), il));
      k.push(...each('k_rope', il, kNew, (row, t) => rope(row, turnedBy(first + t, step, il), il)));

      const seen = k.length; // (heads, n_kv), side by side
      const isHidden = (p, t) => p > first + t && !isSick('no-mask', il);
      const kq = each('kq', il, qRope, (row, t) =>
        Float32Array.from({ length: heads * seen }, (_, at) => {
          const [h, p] = [Math.floor(at / seen), at % seen];
          if (isHidden(p, t)) return Number.NaN;
          return round(sum(d, (i) => row[h * d + i] * k[p][kvHead(h, il) * d + i]));
        }),
      );
      const scale = isSick('no-scale', il) ? 1 : 1 / Math.sqrt(d);
      const soft = each('kq_soft_max', il, kq, (row) => {
        const y = new Float32Array(row.length);
        for (let h = 0; h < heads; h++) {
          const scores = [...row.subarray(h * seen, (h + 1) * seen)].map((s) =>
            Number.isNaN(s) ? -Infinity : s * scale,
          );
          const top = Math.max(...scores);
          const exps = scores.map((s) => Math.exp(s - top));
          const total = sum(seen, (p) => exps[p]);
          for (let p = 0; p < seen; p++) y[h * seen + p] = round(exps[p] / total);
        }
        return y;
      });
      const kqv = each('kqv_out', il, soft, (row) =>
        rows(heads * d, (at) => {
          const [h, i] = [Math.floor(at / d), at % d];
          return sum(seen, (p) => row[h * seen + p] * v[p][kvHead(h, il) * d + i]);
        }),
      );
      const attnOut = each('attn_out', il, kqv, (row) => product(w.attn_output, row));
      const ffnInp = add('ffn_inp', il, attnOut, x);

      const ffnRms = each('ffn_rms', il, ffnInp, (row) => rms(row, il));
      const ffnNorm = isSick('no-norm-weight', il)
        ? kept('ffn_norm', il, ffnRms)
        : scaled('ffn_norm', ffnRms, w.ffn_norm);
      const gate = each('ffn_gate', il, ffnNorm, (row) => product(w.ffn_gate, row));
      const up = each('ffn_up', il, ffnNorm, (row) => product(w.ffn_up, row));
      const [a, b] = isSick('swiglu-swapped', il) ? [up, gate] : [gate, up];
      const act = each('ffn_swiglu', il, a, (row, t) => rows(ff, (i) => (row[i] / (1 + Math.exp(-row[i]))) * b[t][i]));
      const ffnOut = each('ffn_out', il, act, (row) => product(w.ffn_down, row));
      x = isSick('no-residual', il) ? kept('l_out', il, ffnOut) : add('l_out', il, ffnOut, ffnInp);
    }
    const last = each('result_rms', null, x, (row) => rms(row, layers));
    const normed = each('result_norm', null, last, (row) => rows(width, (i) => row[i] * outputNorm[i]));
    const logits = each('result_output', null, normed, (row) => product(output, row).subarray(0, vocabulary));
    return logits.at(-1);
  };
}
