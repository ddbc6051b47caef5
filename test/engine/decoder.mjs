import { ARCHITECTURES } from './architectures.mjs';

// Qwen3, Gemma 3 and gpt-oss as their papers have them (architectures.mjs says which), token by token, in plain loops. Like llama.mjs it shares no code with what is tested.

const sum = (n, f) => {
  let total = 0;
  for (let i = 0; i < n; i++) total += f(i);
  return total;
};
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const silu = (x) => x * sigmoid(x);
const gelu = (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const softmax = (xs) => {
  const top = Math.max(...xs);
  const exps = xs.map((x) => Math.exp(x - top));
  const total = sum(exps.length, (i) => exps[i]);
  return exps.map((e) => e / total);
};
const LIMIT = 7; // of gpt-oss's unit, and its α:
const ALPHA = 1.702;

/**
 * @param {ReturnType<typeof import('../../examples/javascript/gguf.js').readGguf>} file
 * @param {{ bug?: string, from?: number, round?: (value: number) => number, change?: (stage: string, layer: number | null, rows: Float32Array[]) => Float32Array[] }} options `from`: the first
 * layer that has the bug; `round`: what each stage's values are rounded to; `change`: what becomes of a stage's rows before they are used
 */
export function openDecoder({ metadata, weights }, { bug, from = 0, round = Math.fround, change = (_, __, x) => x }) {
  const architecture = metadata['general.architecture'];
  const its = ARCHITECTURES[architecture];
  const of = (key) => metadata[`${architecture}.${key}`];
  const width = of('embedding_length');
  const layers = of('block_count');
  const heads = of('attention.head_count');
  const kvHeads = of('attention.head_count_kv');
  const d = of('attention.key_length');
  const window = of('attention.sliding_window');
  const pattern = of('attention.sliding_window_pattern') ?? its.windowPattern;
  const experts = of('expert_count');
  const used = of('expert_used_count');
  const embedding = weights['token_embd.weight'];
  const isSick = (name, layer) => bug === name && layer >= from;
  const hasWindow = (il) => pattern > 0 && il % pattern < pattern - 1;

  const rows = (n, f) => Float32Array.from({ length: n }, (_, i) => round(f(i)));
  /** w: (outputs, inputs), from a place of the tensor on. */
  const product = (w, x, n = w.length / x.length, at = 0) =>
    rows(n, (i) => sum(x.length, (j) => w[at + i * x.length + j] * x[j]));
  /** Each part of a row by itself. */
  const rms = (x, il, part = x.length) => {
    const eps = isSick('rms-eps', il) ? 1e-3 : of('attention.layer_norm_rms_epsilon');
    const y = new Float32Array(x.length);
    for (let at = 0; at < x.length; at += part) {
      const mean = isSick('layer-norm', il) ? sum(part, (i) => x[at + i]) / part : 0;
      const scale = 1 / Math.sqrt(sum(part, (i) => (x[at + i] - mean) ** 2) / part + eps);
      for (let i = 0; i < part; i++) y[at + i] = round((x[at + i] - mean) * scale);
    }
    return y;
  };

  /** By how much each pair turns a position, and what the turned head is multiplied by. */
  const turns = (il) => {
    const ofLayer = hasWindow(il) && !isSick('window-base-ignored', il) && its.windowBase;
    const ofFile = ofLayer ? (of('rope.freq_base_swa') ?? its.windowBase) : of('rope.freq_base');
    const base = isSick('rope-base', il) ? 500000 : ofFile;
    const frequencies = Array.from({ length: d / 2 }, (_, j) => base ** ((-2 * j) / d));
    if (of('rope.scaling.type') !== 'yarn') return { frequencies, magnitude: 1 };
    const factor = of('rope.scaling.factor');
    const magnitude = isSick('yarn-no-magnitude', il) ? 1 : 1 + 0.1 * Math.log(factor);
    if (isSick('yarn-as-linear', il)) return { frequencies: frequencies.map((f) => f / factor), magnitude: 1 };
    // The pair that turns so many times over the context that the model was trained on.
    const pairOf = (times) =>
      (d * Math.log(of('rope.scaling.original_context_length') / (times * 2 * Math.PI))) / (2 * Math.log(base));
    const [low, high] = [Math.max(Math.floor(pairOf(32)), 0), Math.min(Math.ceil(pairOf(1)), d - 1)];
    const slowed = (j) => Math.min(Math.max((j - low) / (high - low), 0), 1); // 0: as it was, 1: by the factor
    return { frequencies: frequencies.map((f, j) => f * (1 - slowed(j)) + (f / factor) * slowed(j)), magnitude };
  };
  const rope = (x, position, il) => {
    if (isSick('rope-left-out', il)) return x.slice();
    const { frequencies, magnitude } = turns(il);
    const place = (position + (isSick('rope-from-1', il) ? 1 : 0)) * (isSick('rope-backwards', il) ? -1 : 1);
    const y = new Float32Array(x.length);
    for (let head = 0; head < x.length; head += d) {
      for (let j = 0; j < d / 2; j++) {
        const [a, b] = isSick('rope-neighbours', il) ? [head + 2 * j, head + 2 * j + 1] : [head + j, head + j + d / 2];
        const angle = place * frequencies[j];
        y[a] = round(magnitude * (x[a] * Math.cos(angle) - x[b] * Math.sin(angle)));
        y[b] = round(magnitude * (x[a] * Math.sin(angle) + x[b] * Math.cos(angle)));
      }
    }
    return y;
  };
  const kvHead = (h, il) => {
    if (isSick('gqa-tiled', il)) return h % kvHeads;
    return isSick('no-gqa', il) ? 0 : Math.floor(h / (heads / kvHeads));
  };
  const cache = Array.from({ length: layers }, () => ({ k: [], v: [] }));

  /** As `openLlama` has it. */
  return function forward(tokens, _step, keep) {
    const first = cache[0].k.length;
    const kept = (stage, layer, made) => {
      const x = change(stage, layer, made);
      keep(stage, layer, x);
      return x;
    };
    const each = (stage, layer, xs, f) => kept(stage, layer, xs.map(f));

    let x = each('embd', null, tokens, (id) => embedding.slice(id * width, (id + 1) * width));
    if (its.isEmbeddingScaled) {
      const scale = { 'embedding-unscaled': 1, 'embedding-scale-in-bf16': bf16(Math.sqrt(width)) }[bug];
      x = each('inp_scaled', null, x, (row) => rows(width, (i) => row[i] * (scale ?? Math.sqrt(width))));
    }

    for (let il = 0; il < layers; il++) {
      const weight = (name) => weights[`blk.${il}.${name}.weight`];
      const bias = (name) => weights[`blk.${il}.${name}.bias`];
      const sick = (name) => isSick(name, il);
      const scaled = (stage, xs, by) =>
        each(stage, il, xs, (row) => rows(row.length, (i) => row[i] * by[i % by.length]));
      const add = (stage, xs, ys) => each(stage, il, xs, (row, t) => rows(row.length, (i) => row[i] + ys[t][i]));
      const project = (stage, xs, w, b) =>
        each(stage, il, xs, (row) => {
          const y = product(w, row);
          return b ? rows(y.length, (i) => y[i] + b[i]) : y;
        });
      const normed = (name, xs, by) =>
        scaled(
          `${name}_norm`,
          each(`${name}_rms`, il, xs, (row) => rms(row, il)),
          by,
        );

      const h = normed('attn', x, weight('attn_norm'));
      const wq = sick('q-transposed') ? transposed(weight('attn_q'), width) : weight('attn_q');
      const q = project('q_proj', h, wq, sick('q-bias-missing') ? undefined : bias('attn_q'));
      const k = project('k_proj', h, weight(sick('k-from-v') ? 'attn_v' : 'attn_k'), bias('attn_k'));
      const v = project('v_proj', h, weight('attn_v'), bias('attn_v'));
      const headNormed = (name, xs, by) => {
        const isWhole = sick('head-norm-over-row');
        const divided = each(`${name}_rms`, il, xs, (row) => rms(row, il, isWhole ? row.length : d));
        return scaled(`${name.toUpperCase()}cur_normed`, divided, by);
      };
      const turned = (name, xs, by) => {
        const turn = (row, t) => rope(row, first + t, il);
        if (sick('head-norm-after-rope'))
          return each(`${name}_rope`, il, xs, (row, t) => {
            const divided = rms(turn(row, t), il, d);
            return rows(row.length, (i) => divided[i] * by[i % d]);
          });
        const isNormed = its.hasHeadNorms && !sick('head-norm-left-out');
        return each(`${name}_rope`, il, isNormed ? headNormed(name, xs, by) : xs, turn);
      };
      const qRope = turned('q', q, weight(sick('head-norms-exchanged') ? 'attn_k_norm' : 'attn_q_norm'));
      cache[il].k.push(...turned('k', k, weight('attn_k_norm')));
      cache[il].v.push(...v);
      const { k: keys, v: values } = cache[il];

      const seen = keys.length; // (heads, n_kv), side by side
      const isWindowed = sick('windows-everywhere') || (hasWindow(il) && !sick('window-ignored'));
      const reach = window + (sick('window-too-long') ? 1 : 0) - (sick('window-too-short') ? 1 : 0);
      const isLater = (p, t) => p > first + t && !sick('no-mask');
      const isTooOld = (p, t) => isWindowed && window > 0 && p <= first + t - reach;
      const scale = sick('no-scale') ? 1 : 1 / Math.sqrt(sick('query-scale-of-width') ? width / heads : d);
      const kq = each('kq', il, qRope, (row, t) =>
        Float32Array.from({ length: heads * seen }, (_, at) => {
          const [head, p] = [Math.floor(at / seen), at % seen];
          if (isLater(p, t)) return Number.NaN;
          const key = keys[p].subarray(kvHead(head, il) * d);
          return round((its.isQueryScaled ? scale : 1) * sum(d, (i) => row[head * d + i] * key[i]));
        }),
      );
      const sinks = sick('sinks-ignored') ? undefined : weight('attn_sinks');
      const soft = each('kq_soft_max', il, kq, (row, t) => {
        const y = new Float32Array(row.length);
        for (let head = 0; head < heads; head++) {
          const scores = [...row.subarray(head * seen, (head + 1) * seen)].map((s, p) =>
            Number.isNaN(s) || isTooOld(p, t) ? -Infinity : s * (its.isQueryScaled ? 1 : scale),
          );
          // A sink is a score that takes its part, and that no value is read for.
          const parts = softmax(sinks ? [...scores, sinks[head]] : scores);
          for (let p = 0; p < seen; p++) y[head * seen + p] = round(parts[p]);
        }
        return y;
      });
      const kqv = each('kqv_out', il, soft, (row) =>
        rows(heads * d, (at) => {
          const [head, i] = sick('heads-apart') ? [at % heads, Math.floor(at / heads)] : [Math.floor(at / d), at % d];
          return sum(seen, (p) => row[head * seen + p] * values[p][kvHead(head, il) * d + i]);
        }),
      );
      const wo = weight('attn_output');
      let attended = project('attn_out', kqv, wo, sick('attn-out-bias-missing') ? undefined : bias('attn_output'));
      if (its.hasPostNorms && !sick('post-norm-left-out'))
        attended = normed('attn_post', attended, weight('post_attention_norm'));
      const residual = sick('residual-twice') ? x.map((row) => row.map((value) => 2 * value)) : x;
      const inp = add(its.names.inp, attended, residual);

      const gain = weight(its.hasExperts ? 'post_attention_norm' : 'ffn_norm');
      const normGain = sick('no-norm-weight')
        ? gain.map(() => 1)
        : gain.map((g) => g + (sick('norm-weight-plus-1') ? 1 : 0));
      const normal = normed(its.hasExperts ? 'attn_post' : 'ffn', inp, normGain);
      let fed = its.hasExperts ? mixture(normal) : dense(normal);
      if (its.hasPostNorms) fed = normed('ffn_post', fed, weight('post_ffw_norm'));
      x = sick('no-residual') ? kept('l_out', il, fed) : add('l_out', fed, inp);

      function dense(xs) {
        const [gate, up] = [project('ffn_gate', xs, weight('ffn_gate')), project('ffn_up', xs, weight('ffn_up'))];
        const [a, b] = sick('gate-up-exchanged') ? [up, gate] : [gate, up];
        const right = its.names.unit === 'ffn_geglu' ? gelu : silu;
        const wrong = { gelu, silu, relu: (g) => Math.max(g, 0), 'gelu-sigmoid': (g) => g * sigmoid(ALPHA * g) }[bug];
        const unit = il >= from && wrong ? wrong : right;
        const act = each(its.names.unit, il, a, (row, t) => rows(row.length, (i) => unit(row[i]) * b[t][i]));
        return project(
          'ffn_out',
          act,
          sick('down-of-first-layer') ? weights['blk.0.ffn_down.weight'] : weight('ffn_down'),
        );
      }

      /** Of each token, what the experts make that it goes through: (experts used, values), side by side. */
      function mixture(xs) {
        const logits = project('ffn_moe_logits', xs, weight('ffn_gate_inp'));
        const routed = each('ffn_moe_probs', il, logits, (row) => {
          const y = rows(experts, (e) => row[e] + (sick('router-bias-missing') ? 0 : bias('ffn_gate_inp')[e]));
          return sick('router-softmax-of-all') ? Float32Array.from(softmax([...y])) : y;
        });
        const chosen = each('ffn_moe_topk', il, routed, (row) => {
          const down = [...row.keys()].sort((a, b) => row[b] - row[a]);
          return Float32Array.from(
            sick('router-takes-the-least') ? down.reverse().slice(0, used) : down.slice(0, used),
          );
        });
        const scores = each('ffn_moe_weights', il, routed, (row, t) => rows(used, (s) => row[chosen[t][s]]));
        const shares = scores.map((row, t) => {
          const share = sick('expert-weights-not-normalised')
            ? [...chosen[t]].map((e) => softmax([...routed[t]])[e])
            : softmax([...row]);
          return sick('expert-weights-swapped') ? share.reverse() : share;
        });

        const slots = (row) =>
          Array.from({ length: used }, (_, s) => row.subarray((s * row.length) / used, ((s + 1) * row.length) / used));
        const through = (stage, name, inputs) => {
          const w = weight(name);
          return each(stage, il, inputs, (parts, t) => {
            const outputs = parts.map((part, s) => {
              const e = (chosen[t][s] + (sick('expert-of-neighbour') ? 1 : 0)) % experts;
              const n = w.length / experts / part.length;
              return product(w, part, n, e * n * part.length);
            });
            return Float32Array.from(outputs.flatMap((part) => [...part]));
          });
        };
        const biased = (stage, ys, name, isLeftOut) => {
          const b = bias(name);
          const n = b.length / experts;
          return each(stage, il, ys, (row, t) =>
            rows(row.length, (i) => row[i] + (isLeftOut ? 0 : b[chosen[t][Math.floor(i / n)] * n + (i % n)])),
          );
        };
        const doubled = xs.map((row) => Array.from({ length: used }, () => row));
        const [g, u] = sick('expert-gate-up-exchanged')
          ? ['ffn_up_exps', 'ffn_gate_exps']
          : ['ffn_gate_exps', 'ffn_up_exps'];
        const gate = biased(
          'ffn_moe_gate_biased',
          through('ffn_moe_gate', g, doubled),
          'ffn_gate_exps',
          sick('expert-bias-missing'),
        );
        const up = biased('ffn_moe_up_biased', through('ffn_moe_up', u, doubled), 'ffn_up_exps', false);
        const bound = sick('unit-unbounded') ? Infinity : LIMIT;
        const act = each(its.names.unit, il, gate, (row, t) =>
          rows(row.length, (i) => {
            const a = Math.min(row[i], bound);
            const b = Math.min(Math.max(up[t][i], -bound), bound);
            return a * sigmoid((sick('unit-silu') ? 1 : ALPHA) * a) * (b + (sick('unit-not-raised') ? 0 : 1));
          }),
        );
        const down = through('ffn_moe_down', 'ffn_down_exps', act.map(slots));
        const made = biased('ffn_moe_down_biased', down, 'ffn_down_exps', false);
        const weighted = each('ffn_moe_weighted', il, made, (row, t) =>
          rows(row.length, (i) => {
            const share = shares[t][Math.floor(i / width)];
            return sick('expert-bias-unweighted') ? share * down[t][i] + (row[i] - down[t][i]) : share * row[i];
          }),
        );
        const counted = sick('expert-first-only') ? 1 : used;
        return each('ffn_moe_out', il, weighted, (row) => rows(width, (i) => sum(counted, (s) => row[s * width + i])));
      }
    }
    const last = each('result_rms', null, x, (row) => rms(row, -1));
    const gain = weights['output_norm.weight'];
    const normal = each('result_norm', null, last, (row) => rows(width, (i) => row[i] * gain[i]));
    const head = weights['output.weight'] ?? embedding;
    return each('result_output', null, normal, (row) => product(head, row)).at(-1);
  };
}

const transposed = (w, inputs) => {
  const outputs = w.length / inputs;
  return w.map((_, i) => w[(i % inputs) * outputs + Math.floor(i / inputs)]);
};
/** To the nearest; ties do not come up. */
const bf16 = (value) => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  view.setUint32(0, (view.getUint32(0) + 0x8000) & 0xffff0000);
  return view.getFloat32(0);
};
