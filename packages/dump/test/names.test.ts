import { describe, expect, test } from 'vitest';
import { mayBeNorm, normBefore, presentKeys } from '../src/stage/index.js';

describe('what a norm before its weight is called', () => {
  test.each([
    ['attn_norm', undefined, 'RMS_NORM', 'attn_rms'],
    ['attn_post_norm', 'blk.0.post_attention_norm.weight', 'RMS_NORM', 'attn_post_rms'],
    ['Kcur_normed', 'blk.0.attn_k_norm.weight', 'RMS_NORM', 'k_rms'],
    ['result_norm', 'output_norm.weight', 'NORM', 'result_ln'],
    ['kv_cmpr', 'blk.3.attn_kv_a_norm.weight', 'RMS_NORM', 'attn_kv_a_rms'],
    [undefined, 'blk.3.ssm_norm.weight', 'RMS_NORM', 'ssm_rms'],
    ['scaled', 'blk.3.scale.weight', 'RMS_NORM', 'scaled_rms'],
    [undefined, undefined, 'RMS_NORM', undefined],
  ] as const)('%s, %s, %s', (weighted, weight, op, name) => {
    expect(normBefore(weighted, weight, op)).toBe(name);
    expect(mayBeNorm(name ?? 'norm')).toBe(true);
  });

  test('other stages are none', () => {
    expect(['normal', 'attn_norm', 'q_proj', 'Qcur_normed'].filter(mayBeNorm)).toEqual([]);
  });
});

describe('stages of a run from before norms had names', () => {
  test('are called as they are today: the next stage says which norm it is', () => {
    const before = ['0/0/norm', '0/0/Qcur_normed', '0/0/norm.2', '0/0/Kcur_normed', '0/0/norm.3', '0/0/attn_post_norm'];
    const names = ['q_rms', 'Qcur_normed', 'k_rms', 'Kcur_normed', 'attn_post_rms', 'attn_post_norm'];
    expect(presentKeys(before)).toEqual(names.map((name) => `0/0/${name}`));
  });

  test('are in the layer that they belong to, which has come before them', () => {
    const layer = (il: number, dot: string) => [
      `0/${il}/ffn_out`,
      `0/-/norm${dot}`,
      `0/-/ffn_post_norm${dot}`,
      `0/${il}/l_out`,
    ];
    expect(presentKeys([...layer(0, ''), ...layer(1, '.2'), '0/-/result_rms'])).toEqual([
      ...[0, 1].flatMap((il) => ['ffn_out', 'ffn_post_rms', 'ffn_post_norm', 'l_out'].map((name) => `0/${il}/${name}`)),
      '0/-/result_rms',
    ]);
  });

  test('of which nobody says what they are, stay what they are', () => {
    const keys = ['0/0/norm', '0/0/q.2', '0/0/norm.2', '0/0/norm.3', '0/0/kv_cmpr', '1/-/norm'];
    expect(presentKeys(keys)).toEqual(keys);
  });
});
