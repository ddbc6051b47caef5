import type { NodeInput, NodeOperation, Place } from '@llama-probe/dump';
import { randomFrom } from '@llama-probe/testing';
import type { CaseModel, CaseWeight, StageCase } from '../src/case.js';
import { caseOf, computeStage, GraphOperations, rowsBehind, type StageOperation } from '../src/index.js';

/** A model that has what Llama has not, all at once: as llama.cpp's graph would say it. */
const N = { embd: 32, heads: 4, headsKv: 2, dim: 8, ff: 24, vocab: 40, tokens: 9, experts: 3 };
const WINDOW = 4;
const CHOSEN = 2; // experts of each token

/** Writes the nodes down as a graph is built: each call is a node. */
class Builder {
  readonly nodes: NodeOperation[] = [];
  readonly shapes = new Map<string, readonly number[]>();

  node(
    op: string,
    stage: string | null,
    width: readonly number[],
    inputs: readonly NodeInput[],
    parameters: Record<string, number> = {},
    layer: number | null = 0,
  ): NodeInput & { readonly node: number } {
    const index = this.nodes.length;
    const place = stage === null ? null : { stage, layer };
    const shape = [...width, 1, 1, 1].slice(0, 4);
    this.nodes.push({ name: stage ?? `node_${index}`, place, op, shape, inputs, parameters });
    return { node: index };
  }

  weight(name: string, shape: readonly number[]): NodeInput {
    this.shapes.set(name, shape);
    return { weight: name, shape };
  }
}

const eps = Math.fround(1e-5);
const ROPE = { n_dims: N.dim, mode: 2, freq_base: 10000, freq_scale: 1, ext_factor: 0, attn_factor: 1 };

function build(): Builder {
  const b = new Builder();
  const w = (stem: string, shape: readonly number[], suffix = 'weight') => b.weight(`blk.0.${stem}.${suffix}`, shape);
  const rows = [N.embd, N.tokens];
  const norm = (x: NodeInput, stem: string, stage: string, rms: string | null, width: readonly number[]) =>
    b.node('MUL', stage, width, [b.node('RMS_NORM', rms, width, [x], { eps }), w(stem, [width[0] as number])]);
  const table = b.weight('token_embd.weight', [N.embd, N.vocab]);
  const embd = b.node('GET_ROWS', 'embd', rows, [table, { other: 'inp_tokens' }], {}, null);
  const scaled = b.node('SCALE', null, rows, [embd], { scale: Math.sqrt(N.embd), bias: 0 });
  const x = norm(scaled, 'attn_norm', 'attn_norm', 'attn_rms', rows);
  const head = (stem: string, stage: string, heads: number, rope: string) => {
    const projected = b.node(
      'MUL_MAT',
      `${stage}_proj`,
      [heads * N.dim, N.tokens],
      [w(`attn_${stem}`, [N.embd, heads * N.dim]), x],
    );
    const shape = [N.dim, heads, N.tokens];
    const normed = b.node('MUL', null, shape, [
      b.node('RMS_NORM', null, shape, [projected], { eps }),
      w(`attn_${stem}_norm`, [N.dim]),
    ]);
    return b.node('ROPE', rope, shape, [normed, { other: 'inp_pos' }], ROPE);
  };
  const q = head('q', 'q', N.heads, 'q_rope');
  const k = head('k', 'k', N.headsKv, 'k_rope');
  const v = b.node('MUL_MAT', 'v_proj', [N.headsKv * N.dim, N.tokens], [w('attn_v', [N.embd, N.headsKv * N.dim]), x]);
  const perHead = [N.tokens, N.tokens, N.heads];
  const scores = b.node('MUL_MAT', 'kq', perHead, [{ cached: k.node, shape: [N.dim, N.tokens, N.headsKv, 1] }, q]);
  const capped = b.node(
    'SCALE',
    null,
    perHead,
    [b.node('TANH', null, perHead, [b.node('SCALE', null, perHead, [scores], { scale: 1 / 4, bias: 0 })])],
    { scale: 4, bias: 0 },
  );
  const p = b.node('SOFT_MAX', 'kq_soft_max', perHead, [capped, { mask: WINDOW }, w('attn_sinks', [N.heads])], {
    scale: 1 / Math.sqrt(N.dim),
    max_bias: 0,
  });
  const kqv = b.node(
    'MUL_MAT',
    null,
    [N.dim, N.tokens, N.heads],
    [{ cached: v.node, shape: [N.tokens, N.dim, N.headsKv, 1] }, p],
  );
  const out = b.node('CONT', 'kqv_out', [N.heads * N.dim, N.tokens], [kqv]);
  const attention = b.node('MUL_MAT', 'attn_out', rows, [w('attn_output', [N.heads * N.dim, N.embd]), out]);
  const added = b.node('SCALE', null, rows, [attention], { scale: 0.3, bias: 0 });
  const inp = b.node('ADD', 'ffn_inp', rows, [added, scaled]);
  const y = norm(inp, 'ffn_norm', 'ffn_norm', 'ffn_rms', rows);
  const router = b.node(
    'MUL_MAT',
    'ffn_moe_logits',
    [N.experts, N.tokens],
    [w('ffn_gate_inp', [N.embd, N.experts]), y],
  );
  const probs = b.node('ADD', 'ffn_moe_probs', [N.experts, N.tokens], [router, w('ffn_gate_inp', [N.experts], 'bias')]);
  experts(b, 0, y, probs);
  const wide = [N.ff, N.tokens];
  const gate = b.node('MUL_MAT', 'ffn_gate', wide, [w('ffn_gate', [N.embd, N.ff]), y]);
  const up = b.node('MUL_MAT', 'ffn_up', wide, [w('ffn_up', [N.embd, N.ff]), y]);
  const glu = b.node('GEGLU', 'ffn_swiglu', wide, [gate, up]);
  const down = b.node('MUL_MAT', 'ffn_out', rows, [w('ffn_down', [N.ff, N.embd]), glu]);
  const end = b.node('ADD', 'l_out', rows, [down, inp]);
  const logits = b.node(
    'MUL_MAT',
    'ffn_moe_logits',
    [N.experts, N.tokens],
    [b.weight('blk.1.ffn_gate_inp.weight', [N.embd, N.experts]), end],
    {},
    1,
  );
  experts(
    b,
    1,
    end,
    b.node('SOFT_MAX', 'ffn_moe_probs', [N.experts, N.tokens], [logits], { scale: 1, max_bias: 0 }, 1),
  );
  return b;
}

/** Two of three experts for each token: in layer 0 as in gpt-oss, in layer 1 as in Mixtral and DeepSeek. */
function experts(b: Builder, layer: number, y: NodeInput, probs: NodeInput): void {
  const w = (stem: string, shape: readonly number[], suffix = 'weight') =>
    b.weight(`blk.${layer}.${stem}.${suffix}`, shape);
  const node = (
    op: string,
    stage: string | null,
    shape: readonly number[],
    inputs: readonly NodeInput[],
    parameters: Record<string, number> = {},
  ) => b.node(op, stage === null ? null : `ffn_moe_${stage}`, shape, inputs, parameters, layer);
  const isOpen = layer === 0;
  const sorted = node('ARGSORT', 'argsort', [N.experts, N.tokens], [probs], { descending: 1 });
  const ids = node('VIEW', 'topk', [CHOSEN, N.tokens], [sorted]);
  const product = (name: string, stem: string, x: NodeInput, columns: number, width: number) => {
    const shape = [width, CHOSEN, N.tokens];
    const of = node('MUL_MAT_ID', name, shape, [w(stem, [columns, width, N.experts]), x, ids]);
    return isOpen ? node('ADD_ID', `${name}_biased`, shape, [of, w(stem, [width, N.experts], 'bias'), ids]) : of;
  };
  const gate = product('gate', 'ffn_gate_exps', y, N.embd, N.ff);
  const up = product('up', 'ffn_up_exps', y, N.embd, N.ff);
  const unit = isOpen
    ? node('SWIGLU_OAI', 'swiglu_oai', [N.ff, CHOSEN, N.tokens], [gate, up], { swapped: 0, alpha: 1.702, limit: 1 })
    : node('SWIGLU', 'swiglu', [N.ff, CHOSEN, N.tokens], [gate, up], { swapped: 0 });
  const down = product('down', 'ffn_down_exps', unit, N.ff, N.embd);
  const weights = node('GET_ROWS', 'weights', [1, CHOSEN, N.tokens], [probs, ids]);
  const weighted = node('MUL', 'weighted', [N.embd, CHOSEN, N.tokens], [down, isOpen ? shares() : scaled()]);
  const part = () => node('VIEW', null, [N.embd, N.tokens], [weighted]);
  node('ADD', 'out', [N.embd, N.tokens], [part(), part()]);

  function shares(): NodeInput {
    return node('SOFT_MAX', null, [CHOSEN, N.tokens], [weights], { scale: 1, max_bias: 0 });
  }
  function scaled(): NodeInput {
    const sum = node('SUM_ROWS', 'weights_sum', [1, N.tokens], [weights]);
    const bounds = { min: 6.103515625e-5, max: Number.POSITIVE_INFINITY };
    const clamped = node('CLAMP', 'weights_sum_clamped', [1, N.tokens], [sum], bounds);
    const normed = node('DIV', 'weights_norm', [CHOSEN, N.tokens], [weights, clamped]);
    return node('SCALE', 'weights_scaled', [1, CHOSEN, N.tokens], [normed], { scale: 2.5, bias: 0 });
  }
}

/** What older models have, and vision models: LayerNorm, ALiBi with a number of heads that is no power of two, sections, GELU without a gate. */
function buildOlder(): Builder {
  const b = new Builder();
  const [heads, dim] = [3, 12];
  const w = (stem: string, shape: readonly number[], suffix = 'weight') => b.weight(`blk.0.${stem}.${suffix}`, shape);
  const rows = [N.embd, N.tokens];
  const norm = (x: NodeInput, stem: string, stage: string, ln: string) => {
    const weighted = b.node('MUL', null, rows, [b.node('NORM', ln, rows, [x], { eps }), w(stem, [N.embd])]);
    return b.node('ADD', stage, rows, [weighted, w(stem, [N.embd], 'bias')]);
  };
  const table = b.weight('token_embd.weight', [N.embd, N.vocab]);
  const embd = b.node('GET_ROWS', 'embd', rows, [table, { other: 'inp_tokens' }], {}, null);
  const x = norm(embd, 'attn_norm', 'attn_norm', 'attn_ln');
  const project = (stem: string, stage: string) =>
    b.node('MUL_MAT', stage, [heads * dim, N.tokens], [w(stem, [N.embd, heads * dim]), x]);
  const sections = { section_0: 2, section_1: 1, section_2: 2, section_3: 1 };
  const turn = (of: NodeInput, stage: string) =>
    b.node('ROPE', stage, [dim, heads, N.tokens], [of, { other: 'inp_pos' }], {
      ...ROPE,
      n_dims: dim,
      mode: 8,
      ...sections,
    });
  const q = turn(project('attn_q', 'q_proj'), 'q_rope');
  const k = turn(project('attn_k', 'k_proj'), 'k_rope');
  const v = project('attn_v', 'v_proj');
  const perHead = [N.tokens, N.tokens, heads];
  const scores = b.node('MUL_MAT', 'kq', perHead, [{ cached: k.node, shape: [dim, N.tokens, heads, 1] }, q]);
  const scale = 1 / Math.sqrt(dim);
  const p = b.node('SOFT_MAX', 'kq_soft_max', perHead, [scores, { mask: 'causal' }], { scale, max_bias: 8 });
  const kqv = b.node(
    'MUL_MAT',
    null,
    [dim, N.tokens, heads],
    [{ cached: v.node, shape: [N.tokens, dim, heads, 1] }, p],
  );
  const out = b.node('CONT', 'kqv_out', [heads * dim, N.tokens], [kqv]);
  const product = b.node('MUL_MAT', null, rows, [w('attn_output', [heads * dim, N.embd]), out]);
  const attention = b.node('ADD', 'attn_out', rows, [product, w('attn_output', [N.embd], 'bias')]);
  const y = norm(b.node('ADD', 'ffn_inp', rows, [attention, embd]), 'ffn_norm', 'ffn_norm', 'ffn_ln');
  const up = b.node('MUL_MAT', 'ffn_up', [N.ff, N.tokens], [w('ffn_up', [N.embd, N.ff]), y]);
  b.node('GELU', 'ffn_gelu', [N.ff, N.tokens], [up]);
  return b;
}

const STAGES = build();
const OLDER = buildOlder();

function modelOf({ shapes }: Builder, operations: GraphOperations): CaseModel {
  const random = randomFrom(11);
  const weights = new Map(
    [...shapes].map(([name, [columns = 1, ...others]]): [string, CaseWeight] => {
      const rows = others.reduce((a, b) => a * b, 1);
      const value = name.includes('norm')
        ? () => 0.5 + random()
        : () => (2 * random() - 1) * Math.sqrt(rows > 1 ? 3 / columns : 1);
      const bytes = new Uint8Array(Float32Array.from({ length: columns * rows }, value).buffer);
      return [name, { type: 'F32', columns, rows, bytes }];
    }),
  );
  return { config: operations.config, layers: operations.layers, weight: (name) => weights.get(name) };
}

/** What each stage of that model computes. */
export const OPERATIONS = new GraphOperations(STAGES.nodes, () => true);

export interface GraphCase {
  readonly c: StageCase;
  readonly right: Float64Array;
  readonly operation: StageOperation;
}

/** Every stage of a prompt of nine tokens, with its right rows. */
export const graphCases = (): GraphCase[] => casesOf(STAGES, OPERATIONS);

/** The same of what Llama had done away with, or has not yet. */
export const olderCases = (): GraphCase[] => casesOf(OLDER, new GraphOperations(OLDER.nodes, () => true));

function casesOf(stages: Builder, operations: GraphOperations): GraphCase[] {
  const model = modelOf(stages, operations);
  const rows = new Map<string, Float64Array>();
  const random = randomFrom(12);
  const tokens = Array.from({ length: N.tokens }, (_, i) => (i * 7 + 3) % N.vocab);
  return stages.nodes.flatMap(({ place, shape, inputs }) => {
    const operation = place && operations.at(place);
    if (place && !operation) {
      // what the oracle does not compute: any rows will do
      const values = Float64Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * random() - 1);
      rows.set(place.stage, values);
    }
    if (!place || !operation) return [];
    const { scores, unbiased } = operation;
    const behind: Place[] = [
      ...rowsBehind(operation),
      ...(scores ? rowsBehind(scores) : []),
      ...(unbiased ? [unbiased] : []),
    ];
    const given = behind.map(({ stage }) => [stage, rows.get(stage) as Float64Array] as const);
    const cached = [
      inputs,
      operation.scores ? (stages.nodes.find((node) => node.place?.stage === 'kq')?.inputs ?? []) : [],
    ]
      .flat()
      .flatMap((input) => ('cached' in input ? [stages.nodes[input.cached]?.place?.stage ?? ''] : []));
    const ofValues = operation.op === 'values' ? ['v_proj'] : cached;
    const [cache] = ofValues.map((stage) => rows.get(stage));
    const at = { step: 0, tokens, firstPosition: 0, rows: N.tokens, inputs: Object.fromEntries(given), model };
    const c = caseOf({ ...place, ...at, ...(cache ? { cache } : {}) }, operation);
    const right = computeStage(c);
    rows.set(place.stage, right);
    return [{ c, right, operation }];
  });
}
