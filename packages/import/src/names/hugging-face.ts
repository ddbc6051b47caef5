import { lookUp } from '@llama-probe/dump/stage';
import { type Meaning, type ModelFacts, type Preset, stage } from './placed.js';

/** Which side of a module: what goes in, or comes out, under which name. */
interface Port {
  /** The name without its port. */
  readonly path: string;
  readonly module: string;
  readonly layer: number | null;
  readonly side: 'in' | 'out';
  /** @example 'args_0', 'kwargs_hidden_states', 'logits', '1' */
  readonly part: string;
}

/** What a module of a layer puts out. */
const OUT: Readonly<Record<string, string>> = {
  '': 'l_out',
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'q_proj',
  'self_attn.k_proj': 'k_proj',
  'self_attn.v_proj': 'v_proj',
  // latent attention
  'self_attn.q_a_proj': 'attn_q_a',
  'self_attn.q_a_layernorm': 'attn_q_a_norm',
  'self_attn.q_b_proj': 'q_proj',
  'self_attn.kv_a_proj_with_mqa': 'kv_cmpr_pe',
  'self_attn.kv_a_layernorm': 'kv_cmpr',
  'self_attn.q_norm': 'Qcur_normed',
  'self_attn.k_norm': 'Kcur_normed',
  'self_attn.o_proj': 'attn_out',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_out',
  'mlp.gate': 'ffn_moe_logits',
  'block_sparse_moe.gate': 'ffn_moe_logits',
  block_sparse_moe: 'ffn_moe_out',
  pre_feedforward_layernorm: 'ffn_norm',
  post_feedforward_layernorm: 'ffn_post_norm',
};

/** What goes into it, where that is a stage that no module puts out, or one that it does not name. */
const IN: Readonly<Record<string, string>> = {
  'self_attn.o_proj': 'kqv_out',
  'mlp.down_proj': 'ffn_swiglu',
  post_attention_layernorm: 'ffn_inp',
  input_layernorm: 'inp',
  '': 'inp',
  'self_attn.q_norm': 'q_proj',
  'self_attn.k_norm': 'k_proj',
  self_attn: 'attn_norm',
  'self_attn.q_proj': 'attn_norm',
  'self_attn.k_proj': 'attn_norm',
  'self_attn.v_proj': 'attn_norm',
  mlp: 'ffn_norm',
  'mlp.gate_proj': 'ffn_norm',
  'mlp.up_proj': 'ffn_norm',
};

/** Where Gemma's names mean something else: its attention has a norm behind it, and llama.cpp calls the sum after that `sa_out`. */
const SANDWICH = {
  out: { post_attention_layernorm: 'attn_post_norm' } as Readonly<Record<string, string>>,
  in: {
    post_attention_layernorm: 'attn_out',
    pre_feedforward_layernorm: 'sa_out',
    post_feedforward_layernorm: 'ffn_out',
    'mlp.down_proj': 'ffn_geglu',
  } as Readonly<Record<string, string>>,
};

/** The first of a module's inputs; what else goes in are masks, positions and angles. */
const FIRST_INPUT = /^(args_0|kwargs_(hidden_states|input|x|input_ids))?$/;

/**
 * Hugging Face's modules, as keys of hooks (`model.layers.0.self_attn.q_proj`) and as the files of transformers'
 * `model_addition_debugger_context` (`LlamaForCausalLM.model.layers.0.self_attn.q_proj_outputs`). MLX and candle's transformers name theirs alike.
 */
export const huggingFace: Preset = { title: 'Hugging Face modules', read };

function read(name: string, facts: ModelFacts): Meaning | undefined {
  const port = portOf(name);
  if (/(^|\.)(vision|audio|visual)/.test(name)) return undefined;
  if (port.layer !== null) return ofLayer(port, port.layer, facts);
  return ofModel(port, facts);
}

/** @example portOf('LlamaForCausalLM.model.layers.0.mlp_inputs_args_0') // module 'mlp', layer 0, side 'in', part 'args_0' */
export function portOf(name: string): Port {
  const [, path = name, direction, part = ''] =
    /^(.*?)[._-](inputs?|outputs?)(?:[._](args_\d+|kwargs_\w+|\d+|logits|last_hidden_state))?$/.exec(name) ?? [];
  const side = direction?.startsWith('in') ? 'in' : 'out';
  const [, layer, module = ''] = /(?:^|\.)layers\.(\d+)(?:\.(.+))?$/.exec(path) ?? [];
  if (layer !== undefined) return { path, module, layer: Number(layer), side, part };
  const last = path.split('.').at(-1) ?? '';
  return { path, module: last, layer: null, side, part };
}

function ofLayer({ module, side, part }: Port, layer: number, facts: ModelFacts): Meaning | undefined {
  if (side === 'out') {
    if (module === 'self_attn') return attention(part, layer);
    const name = (facts.isSandwich ? lookUp(SANDWICH.out, module) : undefined) ?? lookUp(OUT, module);
    if (module === 'mlp') return stage('ffn_out', layer, 2);
    return name !== undefined && (part === '' || part === '0') ? stage(name, layer) : undefined;
  }
  if (!FIRST_INPUT.test(part)) return { kind: 'aside' };
  const name = (facts.isSandwich ? lookUp(SANDWICH.in, module) : undefined) ?? lookUp(IN, module);
  if (name === 'inp') return intoLayer(layer, facts);
  return name === undefined ? { kind: 'aside' } : stage(name, layer, 1);
}

/** What attention puts out: the block's output, and, where it was asked for, the weights. */
function attention(part: string, layer: number): Meaning | undefined {
  if (part === '1') return stage('kq_soft_max', layer);
  return part === '' || part === '0' ? stage('attn_out', layer, 2) : undefined;
}

/** The residual stream as it enters a layer. */
function intoLayer(layer: number, { isSandwich, firstLayer }: ModelFacts): Meaning {
  if (layer > firstLayer) return stage('l_out', layer - 1, 1);
  return stage(isSandwich ? 'inp_scaled' : 'embd', null, 1);
}

function ofModel({ module, side, part }: Port, facts: ModelFacts): Meaning | undefined {
  const isFirst = side === 'out' ? part === '' || part === '0' : FIRST_INPUT.test(part);
  if (part === 'logits') return stage('result_output', null, 0);
  if (side === 'in' && /^kwargs_input_ids$/.test(part)) return { kind: 'tokens' };
  switch (module) {
    case 'embed_tokens':
      if (side === 'in') return isFirst ? { kind: 'tokens' } : { kind: 'aside' };
      return isFirst ? embedding(facts) : undefined;
    case 'norm':
      if (!isFirst) return undefined;
      return side === 'out' ? stage('result_norm', null) : stage('l_out', facts.layers - 1, 1);
    case 'lm_head':
      if (!isFirst) return undefined;
      // After the logits of the whole model: a model may cap them behind its head.
      return side === 'out' ? stage('result_output', null, 1) : stage('result_norm', null, 1);
    default:
      // What goes into the whole model, which is called after its class.
      if (side === 'in' && isFirst && /^[A-Z]\w*$/.test(module)) return { kind: 'tokens' };
      return side === 'in' ? { kind: 'aside' } : undefined;
  }
}

/** transformers scales Gemma's embedding inside of the module in newer versions, and behind it in older ones. */
function embedding({ isSandwich, embeddingIsScaled }: ModelFacts): Meaning | undefined {
  if (!isSandwich) return stage('embd', null);
  if (embeddingIsScaled === null) return undefined;
  return stage(embeddingIsScaled ? 'inp_scaled' : 'embd', null);
}
