import { describe, expect, test } from 'vitest';
import { failure, fixture, load } from './support/files.js';
import { type Entry, floats, ids, safetensorsFile } from './support/safetensors.js';

const T = 3;
const rows = (width = 4, first = 0): Entry => floats([T, width], (i) => first + i);

describe('the names of arrays', () => {
  test.each<[string, string]>([
    ['l_out-3', '3/l_out'],
    ['layers.3.l_out', '3/l_out'],
    ['layer_3_l_out', '3/l_out'],
    ['blk.3.q_rope', '3/q_rope'],
    ['3/ffn_out', '3/ffn_out'],
    ['result_output', '-/result_output'],
    ['model.layers.3', '3/l_out'],
    ['model.layers.3.output', '3/l_out'],
    ['layers.3.self_attn.q_proj', '3/q_proj'],
    ['model.layers.3.self_attn.q_norm', '3/Qcur_normed'],
    ['model.layers.3.mlp.down_proj.input', '3/ffn_swiglu'],
    ['model.layers.3.self_attn.o_proj_inputs_args_0', '3/kqv_out'],
    ['model.layers.3.post_attention_layernorm.input', '3/ffn_inp'],
    ['model.layers.3.input_layernorm.input', '2/l_out'],
    ['model.layers.0.input_layernorm.input', '-/embd'],
    ['model.embed_tokens', '-/embd'],
    ['language_model.model.norm', '-/result_norm'],
    ['lm_head', '-/result_output'],
    ['blk.3.attn_output', '3/attn_out'],
    ['output_norm', '-/result_norm'],
    ['layers.3.attention.wo', '3/attn_out'],
    ['tok_embeddings', '-/embd'],
    ['Qcur-3', '3/Qcur'],
    ['vision_tower.layers.3.self_attn.q_proj', '3/self_attn.q_proj'],
  ])('%s', async (name, place) => {
    const { tensors } = await load(safetensorsFile({ [name]: rows() }), { tokens: [1, 2, 3] });
    expect([...tensors.keys()]).toEqual([place]);
  });

  test('the input of the last norm is what the last layer puts out', async () => {
    const file = safetensorsFile({ 'model.layers.1.self_attn.v_proj': rows(), 'model.norm.input': rows() });
    expect([...(await load(file, { tokens: [1, 2, 3] })).tensors.keys()]).toEqual(['1/v_proj', '1/l_out']);
  });

  test("Gemma's norms mean something else, and its embedding is scaled where the first layer gets it so", async () => {
    const layer = 'model.layers.0.';
    const file = (embedding: number) =>
      safetensorsFile({
        'model.embed_tokens': rows(4, embedding),
        [`${layer}input_layernorm.input`]: rows(4, 7),
        [`${layer}post_attention_layernorm`]: rows(),
        [`${layer}post_attention_layernorm.input`]: rows(),
        [`${layer}pre_feedforward_layernorm`]: rows(),
        [`${layer}pre_feedforward_layernorm.input`]: rows(),
        [`${layer}mlp.down_proj.input`]: rows(),
        [`${layer}post_feedforward_layernorm`]: rows(),
      });
    const inside = ['0/attn_out', '0/attn_post_norm', '0/sa_out', '0/ffn_norm', '0/ffn_geglu', '0/ffn_post_norm'];
    const same = await load(file(7), { tokens: [1, 2, 3] });
    expect([...same.tensors.keys()]).toEqual(['-/inp_scaled', ...inside]);
    const scaled = await load(file(0), { tokens: [1, 2, 3] });
    expect([...scaled.tensors.keys()]).toEqual(['-/embd', '-/inp_scaled', ...inside]);
  });

  test("where nobody can tell whether Gemma's embedding is scaled, it is neither", async () => {
    const file = safetensorsFile({ 'model.embed_tokens': rows(), 'model.layers.0.pre_feedforward_layernorm': rows() });
    const { tensors, run } = await load(file, { tokens: [1, 2, 3] });
    expect([...tensors.keys()]).toEqual(['0/ffn_norm', '-/model.embed_tokens']);
    expect(run.notes).toContainEqual(expect.stringMatching(/^without a stage, .*: 1 tensor \(model\.embed_tokens\)$/));
  });

  test('of two tensors of one stage, what the module puts out is taken, and the other is told', async () => {
    const file = safetensorsFile({
      'model.layers.0.self_attn.q_proj.input': rows(4, 100),
      'model.layers.0.input_layernorm': rows(4, 5),
      'model.layers.0.self_attn.k_proj.input': rows(4, 200),
    });
    const { tensors, run } = await load(file, { tokens: [1, 2, 3] });
    expect(tensors.get('0/attn_norm')?.values[0]).toBe(5);
    expect(tensors.size).toBe(1);
    expect(run.notes).toContain(
      'left out, since another tensor is the same stage: 2 tensors (model.layers.*.self_attn.q_proj.input, model.layers.*.self_attn.k_proj.input)',
    );
  });

  test('what has no stage keeps its name, and what is no rows is told', async () => {
    const file = safetensorsFile({ 'l_out-0': rows(), 'odd.thing': rows(), table: floats([5, 5]) });
    const { tensors, run } = await load(file, { tokens: [1, 2, 3] });
    expect([...tensors.keys()]).toEqual(['0/l_out', '-/odd.thing']);
    expect(run.notes).toContainEqual(expect.stringMatching(/^without a stage, .*: 2 tensors \(odd\.thing, table\)$/));
    expect(run.notes).toContain('left out, since they are no rows of a token each: 1 tensor (table)');
  });
});

describe("a folder of transformers' debugger", () => {
  test('has the stages between its modules, and its own tokens', async () => {
    const { tensors, run } = await load(fixture('transformers-llama'));
    expect([...tensors.keys()].filter((key) => !key.includes('position'))).toEqual([
      '-/embd',
      ...['attn_norm', 'q_proj', 'k_proj', 'v_proj', 'kqv_out', 'attn_out', 'ffn_inp', 'ffn_norm', 'ffn_up'].map(
        (s) => `0/${s}`,
      ),
      ...['ffn_swiglu', 'ffn_out', 'l_out'].map((stage) => `0/${stage}`),
      '1/l_out',
      '-/result_norm',
    ]);
    expect(run.metadata.tokens).toEqual([1, 403, 407, 261, 378, 432, 286, 417, 280, 403, 366, 279]);
    expect(run.metadata.producer.name).toBe('transformers');
    expect(run.notes[0]).toBe('format: a folder of 33 safetensors files by transformers, LlamaForCausalLM');
    const sum = ['-/embd', '0/attn_out', '0/ffn_inp'].map((key) => tensors.get(key)?.values[100] ?? 0);
    expect((sum[0] as number) + (sum[1] as number)).toBeCloseTo(sum[2] as number, 5);
  });
});

test('several sequences are refused', async () => {
  const tokens = { dtype: 'I64', shape: [2, 3], bytes: new Uint8Array(48) };
  const error = await failure(safetensorsFile({ input_ids: tokens, 'l_out-0': rows() }));
  expect(error).toMatchObject({ code: 'dump-shape', message: expect.stringContaining('of 2 sequences, [2, 3]') });
  expect(ids(1).shape).toEqual([1, 1]);
});
