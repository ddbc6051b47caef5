import { TINY_LATENT, TINY_WINDOW, type TinyArchitecture } from '@llama-probe/testing';

/** The rows of a healthy run, and the weights of its model. */
export interface Rows {
  /** @param layer that of the fault unless given */
  of(stage: string, layer?: number | null): Float32Array;
  weight(name: string): Float32Array;
}

/** A stage as an engine with a bug computes it, in this file's own arithmetic. */
interface ArchitectureFault {
  /** The entry of the catalogue that it is. */
  readonly id: string;
  readonly stage: string;
  readonly layer: number | null;
  /** Where it is seen, if that is not the stage itself. */
  readonly shows?: readonly (readonly [string, number | null])[];
  wrong(rows: Rows): Float32Array;
}

const [HEADS, KV_HEADS, DIM, BASE] = [4, 2, 16, 10000];
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

/** q · k of every head for every position, seen or not: (rows, heads · positions). */
function scores(q: Float32Array, k: Float32Array, times: number): Float32Array {
  const rows = q.length / (HEADS * DIM);
  return Float32Array.from({ length: rows * HEADS * rows }, (_, i) => {
    const [row, head, position] = [Math.floor(i / (HEADS * rows)), Math.floor(i / rows) % HEADS, i % rows];
    const kvHead = Math.floor((head * KV_HEADS) / HEADS);
    const products = Array.from({ length: DIM }, (_, d) => {
      const [a, b] = [q[(row * HEADS + head) * DIM + d] ?? 0, k[(position * KV_HEADS + kvHead) * DIM + d] ?? 0];
      return a * b;
    });
    return times * sum(products);
  });
}

interface SoftMax {
  readonly window?: number;
  readonly sinks?: Float32Array;
  readonly cap?: number;
  readonly heads?: number;
}

/** Over the positions that a row sees. */
function softMax(
  logits: Float32Array,
  { window = Number.POSITIVE_INFINITY, sinks, cap, heads = HEADS }: SoftMax,
): Float32Array {
  const rows = Math.sqrt(logits.length / heads);
  const out = new Float32Array(logits.length);
  for (let i = 0; i < logits.length; i += rows) {
    const [row, head] = [Math.floor(i / (heads * rows)), (i / rows) % heads];
    const power = (x: number) => Math.exp(cap ? cap * Math.tanh(x / cap) : x);
    const powers = Array.from(logits.subarray(i, i + rows), (x, at) => (at <= row && at > row - window ? power(x) : 0));
    const total = sum(powers) + (sinks ? Math.exp(sinks[head] ?? 0) : 0);
    out.set(
      powers.map((value) => value / total),
      i,
    );
  }
  return out;
}

/** Pairs j and j + DIM / 2 of every head, or neighbours. */
function rotated(x: Float32Array, heads: number, base: number, neighbours = false): Float32Array {
  const half = DIM / 2;
  return x.map((value, i) => {
    const [position, d] = [Math.floor(i / (heads * DIM)), i % DIM];
    const [pair, isFirst] = neighbours ? [d >> 1, d % 2 === 0] : [d % half, d < half];
    const angle = position * base ** ((-2 * pair) / DIM);
    const other = x[i + (isFirst ? 1 : -1) * (neighbours ? 1 : half)] ?? 0;
    return value * Math.cos(angle) + (isFirst ? -other : other) * Math.sin(angle);
  });
}

function normed(x: Float32Array, weight: Float32Array): Float32Array {
  const out = new Float32Array(x.length);
  for (let at = 0; at < x.length; at += weight.length) {
    const row = x.subarray(at, at + weight.length);
    const rms = Math.sqrt(sum(row.map((value) => value * value)) / row.length + 1e-5);
    out.set(
      row.map((value, i) => (value / rms) * (weight[i] ?? 0)),
      at,
    );
  }
  return out;
}

const FULL = Number.POSITIVE_INFINITY;
const root = 1 / Math.sqrt(DIM);
const all = (rows: Rows): Float32Array => scores(rows.of('q_rope'), rows.of('k_rope'), root);
const sinksOf = (rows: Rows, layer: number) => rows.weight(`blk.${layer}.attn_sinks.weight`);
const softMaxOf = (id: string, layer: number, how: (rows: Rows) => SoftMax): ArchitectureFault => ({
  ...{ id, stage: 'kq_soft_max', layer },
  wrong: (rows) => softMax(all(rows), how(rows)),
});

/** For each architecture the bugs of what a Llama does not have. */
export const FAULTS: Readonly<Partial<Record<TinyArchitecture, readonly ArchitectureFault[]>>> = {
  'gpt-oss': [
    softMaxOf('sinks-ignored', 0, () => ({ window: TINY_WINDOW })),
    softMaxOf('sinks-ignored', 1, () => ({})),
    softMaxOf('window-ignored', 0, (rows) => ({ window: FULL, sinks: sinksOf(rows, 0) })),
    softMaxOf('window-off-by-one', 0, (rows) => ({ window: TINY_WINDOW + 1, sinks: sinksOf(rows, 0) })),
    softMaxOf('window-off-by-one', 0, (rows) => ({ window: TINY_WINDOW - 1, sinks: sinksOf(rows, 0) })),
    softMaxOf('sliding-window', 1, (rows) => ({ window: TINY_WINDOW, sinks: sinksOf(rows, 1) })),
    {
      id: 'rope-neighbours',
      stage: 'q_rope',
      layer: 1,
      wrong: (rows) => rotated(rows.of('q_proj'), HEADS, BASE, true),
    },
    { id: 'router-bias-missing', stage: 'ffn_moe_probs', layer: 1, wrong: (rows) => rows.of('ffn_moe_logits') },
    {
      id: 'expert-bias-unweighted',
      stage: 'ffn_moe_weighted',
      layer: 0,
      wrong: (rows) => {
        const [plain, biased, right] = ['down', 'down_biased', 'weighted'].map((name) => rows.of(`ffn_moe_${name}`));
        // w · (x + b) is right, so that w is what it has of x + b
        return (plain as Float32Array).map((x, i) => {
          const b = (biased?.[i] ?? 0) - x;
          return x * ((right?.[i] ?? 0) / (biased?.[i] ?? 1)) + b;
        });
      },
    },
  ],
  gemma2: [
    softMaxOf('soft-cap-left-out', 1, () => ({})),
    softMaxOf('window-ignored', 0, () => ({ cap: 2 })),
    softMaxOf('window-off-by-one', 0, () => ({ window: TINY_WINDOW + 1, cap: 2 })),
    {
      id: 'soft-cap-left-out',
      stage: 'result_output',
      layer: null,
      wrong: (rows) => rows.of('result_output').map((capped) => 3 * Math.atanh(capped / 3)),
    },
    {
      id: 'embedding-scale-left-out',
      stage: 'inp_scaled',
      layer: null,
      shows: [
        ['attn_rms', 0],
        ['ffn_rms', 0],
        ['l_out', 0],
      ],
      wrong: (rows) => rows.of('embd', null),
    },
  ],
  gemma3: [
    {
      id: 'qk-norm-left-out',
      stage: 'q_rope',
      layer: 1,
      wrong: (rows) => rotated(rows.of('q_proj'), HEADS, 1000),
    },
    {
      id: 'qk-norm-after-rope',
      stage: 'k_rope',
      layer: 0,
      wrong: (rows) => normed(rotated(rows.of('k_proj'), KV_HEADS, 1000), rows.weight('blk.0.attn_k_norm.weight')),
    },
    {
      id: 'rope-theta',
      stage: 'q_rope',
      layer: 0,
      wrong: (rows) => rotated(normed(rows.of('q_proj'), rows.weight('blk.0.attn_q_norm.weight')), HEADS, BASE),
    },
    softMaxOf('window-ignored', 0, () => ({})),
  ],
  deepseek2: [
    {
      id: 'attention-scale-dimension', // of the cache's rows, not of a head
      stage: 'kq_soft_max',
      layer: 1,
      wrong: (rows) =>
        softMax(
          rows.of('kq').map((score) => score / Math.sqrt(TINY_LATENT.kv + TINY_LATENT.turned)),
          { heads: TINY_LATENT.heads },
        ),
    },
    {
      id: 'rope-missing',
      stage: 'k_pe',
      layer: 0,
      wrong: (rows) => {
        const { kv, turned } = TINY_LATENT;
        return rows.of('kv_cmpr_pe').filter((_, i) => i % (kv + turned) >= kv);
      },
    },
  ],
  qwen3: [
    {
      id: 'qk-norm-left-out',
      stage: 'k_rope',
      layer: 1,
      wrong: (rows) => rotated(rows.of('k_proj'), KV_HEADS, BASE),
    },
    {
      id: 'qk-norm-after-rope',
      stage: 'q_rope',
      layer: 1,
      wrong: (rows) => normed(rotated(rows.of('q_proj'), HEADS, BASE), rows.weight('blk.1.attn_q_norm.weight')),
    },
    {
      id: 'rope-neighbours',
      stage: 'q_rope',
      layer: 0,
      wrong: (rows) => rotated(normed(rows.of('q_proj'), rows.weight('blk.0.attn_q_norm.weight')), HEADS, BASE, true),
    },
  ],
};
