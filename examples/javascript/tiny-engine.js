// A Llama in a few lines, all tokens at once, and what to add to yours: the lines with `dump`.
//
//     PROBE_MODEL=model.gguf PROBE_TOKENS=1,338,292 PROBE_OUT=mine.safetensors node tiny-engine.js
//
// --bug leaves out the scale of the scores. PROBE_STEPS is how many greedy tokens to add (none).

import { readFile, writeFile } from 'node:fs/promises';
import { readGguf } from './gguf.js';
import { ProbeDump } from './probe-dump.js';

const { PROBE_MODEL, PROBE_TOKENS, PROBE_OUT, PROBE_STEPS = '0' } = process.env;
if (!PROBE_MODEL || !PROBE_TOKENS || !PROBE_OUT) {
  console.error('PROBE_MODEL, PROBE_TOKENS and PROBE_OUT must say the GGUF file, the token ids and the file to write.');
  process.exit(2);
}
const hasBug = process.argv.includes('--bug');

const bytes = await readFile(PROBE_MODEL);
const { metadata, weights } = readGguf(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const llama = (key) => metadata[`llama.${key}`];
const width = llama('embedding_length');
const heads = llama('attention.head_count');
const kvHeads = llama('attention.head_count_kv');
const headDim = width / heads;
const epsilon = llama('attention.layer_norm_rms_epsilon');
const base = llama('rope.freq_base') ?? 10000;

/** Rows times a weight, which is (outputs, inputs). */
function product(name, x, inputs) {
  const weight = weights[`${name}.weight`];
  const outputs = weight.length / inputs;
  const out = new Float32Array((x.length / inputs) * outputs);
  for (let o = 0; o < out.length; o++) {
    const [row, column] = [Math.floor(o / outputs) * inputs, (o % outputs) * inputs];
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += x[row + i] * weight[column + i];
    out[o] = sum;
  }
  return out;
}

function norm(name, x) {
  const out = new Float32Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += x[row + i] ** 2;
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i++) out[row + i] = x[row + i] * scale * weights[`${name}.weight`][i];
  }
  return out;
}

/** Turns neighbours (2j, 2j + 1) of each head. */
function rope(x, tokens) {
  const out = new Float32Array(x.length);
  for (let i = 0; i < x.length; i += 2) {
    const position = Math.floor(i / (x.length / tokens));
    const angle = position * base ** (-(i % headDim) / headDim);
    out[i] = x[i] * Math.cos(angle) - x[i + 1] * Math.sin(angle);
    out[i + 1] = x[i] * Math.sin(angle) + x[i + 1] * Math.cos(angle);
  }
  return out;
}

/** Scores and their softmax, each (heads, tokens, tokens), and the values that they weigh. */
function attention(q, k, v, tokens) {
  const kvWidth = kvHeads * headDim;
  const kq = new Float32Array(heads * tokens * tokens).fill(Number.NEGATIVE_INFINITY);
  const softMax = new Float32Array(kq.length);
  const out = new Float32Array(q.length);
  const scale = hasBug ? 1 : 1 / Math.sqrt(headDim);
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor(head / (heads / kvHeads)) * headDim;
    for (let t = 0; t < tokens; t++) {
      const scores = (head * tokens + t) * tokens;
      const query = t * width + head * headDim;
      for (let s = 0; s <= t; s++) {
        let dot = 0;
        for (let i = 0; i < headDim; i++) dot += q[query + i] * k[s * kvWidth + kvHead + i];
        kq[scores + s] = dot;
      }
      const most = Math.max(...kq.subarray(scores, scores + t + 1));
      let sum = 0;
      for (let s = 0; s <= t; s++) {
        softMax[scores + s] = Math.exp((kq[scores + s] - most) * scale);
        sum += softMax[scores + s];
      }
      for (let s = 0; s <= t; s++) {
        softMax[scores + s] /= sum;
        for (let i = 0; i < headDim; i++) out[query + i] += softMax[scores + s] * v[s * kvWidth + kvHead + i];
      }
    }
  }
  return { kq, softMax, out };
}

const plus = (a, b) => a.map((value, i) => value + b[i]);
const swiglu = (gate, up) => gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]);

/** One pass over all tokens, and a dump of it. */
function forward(ids) {
  const dump = new ProbeDump();
  const tokens = ids.length;
  const keep = (name, layer, x) => {
    dump.keep(name, layer, x, [tokens, x.length / tokens]);
    return x;
  };
  const rows = ids.map((id) => weights['token_embd.weight'].subarray(id * width, (id + 1) * width));
  let x = keep('embd', null, Float32Array.from(rows.flatMap((row) => [...row])));
  for (let il = 0; il < llama('block_count'); il++) {
    const blk = `blk.${il}`;
    const attnNorm = keep('attn_norm', il, norm(`${blk}.attn_norm`, x));
    const q = keep('q_proj', il, product(`${blk}.attn_q`, attnNorm, width));
    const k = keep('k_proj', il, product(`${blk}.attn_k`, attnNorm, width));
    const v = keep('v_proj', il, product(`${blk}.attn_v`, attnNorm, width));
    const qRope = keep('q_rope', il, rope(q, tokens));
    const kRope = keep('k_rope', il, rope(k, tokens));
    const { kq, softMax, out } = attention(qRope, kRope, v, tokens);
    dump.keep('kq', il, kq, [heads, tokens, tokens]);
    dump.keep('kq_soft_max', il, softMax, [heads, tokens, tokens]);
    keep('kqv_out', il, out);
    x = keep('ffn_inp', il, plus(x, keep('attn_out', il, product(`${blk}.attn_output`, out, width))));
    const ffnNorm = keep('ffn_norm', il, norm(`${blk}.ffn_norm`, x));
    const gate = keep('ffn_gate', il, product(`${blk}.ffn_gate`, ffnNorm, width));
    const up = keep('ffn_up', il, product(`${blk}.ffn_up`, ffnNorm, width));
    const hidden = keep('ffn_swiglu', il, swiglu(gate, up));
    x = keep('l_out', il, plus(x, keep('ffn_out', il, product(`${blk}.ffn_down`, hidden, hidden.length / tokens))));
  }
  const head = weights['output.weight'] ? 'output' : 'token_embd';
  const logits = keep('result_output', null, product(head, keep('result_norm', null, norm('output_norm', x)), width));
  const last = logits.subarray(-logits.length / tokens);
  return { dump, next: last.indexOf(Math.max(...last)) };
}

const ids = PROBE_TOKENS.split(',').map(Number);
let run = forward(ids);
for (let step = 0; step < Number(PROBE_STEPS); step++) {
  ids.push(run.next);
  run = forward(ids);
}
await writeFile(PROBE_OUT, await run.dump.bytes(ids));
