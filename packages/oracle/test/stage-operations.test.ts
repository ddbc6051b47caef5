import { STAGE_NAMES } from '@llama-probe/dump';
import { expect, test } from 'vitest';
import { hasOperation, operationAt, PRODUCT_STAGES } from '../src/stage-operations.js';

test('every stage of the vocabulary has an operation, and what is no stage has none', () => {
  expect(STAGE_NAMES.filter((stage) => !hasOperation(stage))).toEqual([]);
  for (const stage of ['ffn_moe_out', 'tokens', 'toString']) {
    expect(hasOperation(stage)).toBe(false);
    expect(() => operationAt({ stage, layer: 0 }, 2)).toThrow(stage);
  }
});

test('inputs come in the order that the operation takes them, the residual stream from the layer before', () => {
  const inputs = (stage: string, layer: number | null) =>
    operationAt({ stage, layer }, 4).inputs.map((at) => [at.stage, at.layer]);
  expect(inputs('kq', 2)).toEqual([['q_rope', 2], ['k_rope', 2]]); // biome-ignore format: pairs
  expect(inputs('kqv_out', 2)).toEqual([['kq_soft_max', 2], ['v_proj', 2]]); // biome-ignore format: pairs
  expect(inputs('ffn_swiglu', 2)).toEqual([['ffn_gate', 2], ['ffn_up', 2]]); // biome-ignore format: pairs
  expect(inputs('ffn_inp', 2)).toEqual([['attn_out', 2], ['l_out', 1]]); // biome-ignore format: pairs
  expect(inputs('attn_rms', 0)).toEqual([['embd', null]]);
  expect(inputs('result_rms', null)).toEqual([['l_out', 3]]);
});

test('the products, and the heads of what is made of heads', () => {
  expect(PRODUCT_STAGES).toEqual(STAGE_NAMES.filter((stage) => PRODUCT_STAGES.includes(stage)));
  expect(PRODUCT_STAGES).toHaveLength(8);
  const heads = STAGE_NAMES.map((stage) => [stage, operationAt({ stage, layer: 1 }, 2).heads]);
  expect(heads.filter(([, of]) => of === 'kv').map(([stage]) => stage)).toEqual(['k_proj', 'v_proj', 'k_rope']);
});
