import { describe, expect, test } from 'vitest';
import { ggufName, isHuggingFace } from '../../src/against/names.js';

const has =
  (...names: string[]) =>
  (name: string) =>
    names.includes(name);

describe('GGUF’s name of a tensor', () => {
  test.each([
    ['model.embed_tokens.weight', 'token_embd.weight'],
    ['lm_head.weight', 'output.weight'],
    ['model.norm.weight', 'output_norm.weight'],
    ['model.layers.12.self_attn.q_proj.weight', 'blk.12.attn_q.weight'],
    ['model.layers.0.self_attn.k_proj.bias', 'blk.0.attn_k.bias'],
    ['model.language_model.layers.3.mlp.down_proj.weight', 'blk.3.ffn_down.weight'],
    ['language_model.model.layers.3.input_layernorm.weight', 'blk.3.attn_norm.weight'],
    ['layers.3.mlp.gate_proj', 'blk.3.ffn_gate.weight'],
  ])('%s', (foreign, name) => {
    expect(ggufName(foreign, has())).toEqual({ name });
  });

  test('is what the file has, where a module has two', () => {
    const norm = 'model.layers.1.post_attention_layernorm.weight';
    expect(ggufName(norm, has('blk.1.ffn_norm.weight'))).toEqual({ name: 'blk.1.ffn_norm.weight' });
    const gemma = has('blk.1.ffn_norm.weight', 'blk.1.post_attention_norm.weight');
    expect(ggufName(norm, gemma)).toEqual({ name: 'blk.1.post_attention_norm.weight' });
  });

  test('is its own where the file has that, with its ending or without', () => {
    expect(ggufName('blk.0.attn_q.weight', has('blk.0.attn_q.weight'))).toEqual({ name: 'blk.0.attn_q.weight' });
    expect(ggufName('blk.0.attn_q', has('blk.0.attn_q.weight'))).toEqual({ name: 'blk.0.attn_q.weight' });
  });

  test('has an expert', () => {
    expect(ggufName('model.layers.2.mlp.experts.7.up_proj.weight', has())).toEqual({
      name: 'blk.2.ffn_up_exps.weight',
      expert: 7,
    });
    expect(ggufName('model.layers.2.block_sparse_moe.experts.0.w2.weight', has())).toEqual({
      name: 'blk.2.ffn_down_exps.weight',
      expert: 0,
    });
  });

  test('is none of what is computed, or of what nobody knows', () => {
    expect(ggufName('model.layers.0.self_attn.rotary_emb.inv_freq', has())).toBe('computed');
    expect(ggufName('vision_tower.patch_embed.weight', has())).toBeUndefined();
  });

  test('Hugging Face’s names are known', () => {
    expect(isHuggingFace(['model.layers.0.mlp.up_proj.weight'])).toBe(true);
    expect(isHuggingFace(['blk.0.attn_q.weight', 'token_embd.weight'])).toBe(false);
  });
});
