import { lookUp } from '@llama-probe/dump/stage';
import { type Meaning, type ModelFacts, type Preset, stage } from './placed.js';

const PREFIX = 'non_intrusive__';

/** What modules of a layer put out. A norm adds the residual to what it is given first, and puts out the sum as well. */
const OUT: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  post_attention_layernorm: 'ffn_norm',
  self_attn: 'attn_out',
  'self_attn.o_proj': 'attn_out',
  'self_attn.attn': 'kqv_out',
  mlp: 'ffn_out',
  'mlp.down_proj': 'ffn_out',
  'mlp.act_fn': 'ffn_swiglu',
};
const SECOND: Readonly<Record<string, string>> = {
  post_attention_layernorm: 'ffn_inp',
  'self_attn.rotary_emb': 'k_rope',
};
const IN: Readonly<Record<string, string>> = { 'self_attn.o_proj': 'kqv_out', 'mlp.down_proj': 'ffn_swiglu' };

/**
 * What SGLang's dumper calls the inputs and outputs of modules by itself (`DUMPER_NON_INTRUSIVE_MODE=all`). Its layers hand on the output of the MLP and the residual stream as two
 * tensors, which the next norm adds; so a layer's first output is no `l_out`, as it is with Hugging Face's modules.
 *
 * The modules: python/sglang/srt/models/llama.py, qwen2.py
 */
export const sglang: Preset = {
  title: "SGLang's modules",
  read(name, facts) {
    if (!name.startsWith(PREFIX)) return undefined;
    const [, path = '', side = '', part = ''] =
      /^(.*?)\.(inputs|output)(?:\.(\w+))?$/.exec(name.slice(PREFIX.length)) ?? [];
    const [, layer, module = ''] = /(?:^|\.)layers\.(\d{1,6})(?:\.(.+))?$/.exec(path) ?? [];
    if (layer !== undefined) return ofLayer(module, side, part, Number(layer));
    return ofModel(path.split('.').at(-1) ?? '', side, part, facts);
  },
};

function ofLayer(module: string, side: string, part: string, layer: number): Meaning | undefined {
  if (side === 'inputs') {
    const name = part === '0' ? lookUp(IN, module) : undefined;
    return name === undefined ? { kind: 'aside' } : stage(name, layer, 2);
  }
  if (side !== 'output') return undefined;
  if (module === '') {
    if (part === '') return stage('l_out', layer, 1);
    return part === '0' ? stage('ffn_out', layer, 2) : part === '1' ? stage('ffn_inp', layer, 2) : undefined;
  }
  if (part === '1') {
    if (module === 'input_layernorm') return layer > 0 ? stage('l_out', layer - 1) : { kind: 'aside' };
    const second = lookUp(SECOND, module);
    return second === undefined ? undefined : stage(second, layer);
  }
  if (module === 'self_attn.rotary_emb') return part === '0' ? stage('q_rope', layer) : undefined;
  const name = part === '' || part === '0' ? lookUp(OUT, module) : undefined;
  return name === undefined ? undefined : stage(name, layer, module === 'self_attn' || module === 'mlp' ? 1 : 0);
}

function ofModel(module: string, side: string, part: string, { layers }: ModelFacts): Meaning | undefined {
  if (side === 'inputs') return { kind: 'aside' };
  const isFirst = part === '' || part === '0';
  if (module === 'embed_tokens') return isFirst ? stage('embd', null) : undefined;
  if (module === 'norm')
    return isFirst ? stage('result_norm', null) : part === '1' ? stage('l_out', layers - 1) : undefined;
  return module === 'logits_processor' && part === 'next_token_logits' ? stage('result_output', null) : undefined;
}
