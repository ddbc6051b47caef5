import { STAGE_NAMES } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import { nearest } from '../src/nearest.js';
import { parseJudged, parseLayers, parseStages } from '../src/selection.js';
import { recordOnly } from '../src/sides/webgpu.js';

describe('--stages', () => {
  test('every stage unless named', () => {
    expect(parseStages(undefined)).toEqual(STAGE_NAMES);
    expect(parseStages('q_rope, kq')).toEqual(['q_rope', 'kq']);
  });
  test.each(['q_roppe', 'softmax', 'Q_ROPE'])('"%s" is no stage', (name) => {
    expect(() => parseStages(`embd,${name}`)).toThrow(`"${name}" is no stage; did you mean `);
  });
  test('the nearest is the one with the fewest edits, the first of equals', () => {
    expect(nearest('q_roppe', STAGE_NAMES)).toBe('q_rope');
    expect(nearest('atnn_norm', STAGE_NAMES)).toBe('attn_norm');
    expect(nearest('ab', ['xb', 'ax', 'ab'])).toBe('ab');
    expect(nearest('ab', ['xb', 'ax'])).toBe('xb');
    expect(nearest('', ['abc', 'a'])).toBe('a');
  });
  test('"all" says where it is meant for', () =>
    expect(() => parseStages('all')).toThrow('probe capture --from llama'));
  test('an empty name is no stage', () => expect(() => parseStages('embd,')).toThrow('"" is no stage'));
});

describe('--layers', () => {
  test('numbers and ranges, sorted and once each', () => {
    expect(parseLayers(undefined, 4)).toBeUndefined();
    expect(parseLayers('0,2-4', 5)).toEqual([0, 2, 3, 4]);
    expect(parseLayers(' 3 , 1-3,0', 4)).toEqual([0, 1, 2, 3]);
  });
  test.each(['', 'a', '-1', '1-', '1.5', '0x1', '1,,2'])('"%s" is none', (text) => {
    expect(() => parseLayers(text, 9)).toThrow('is not a layer or a range');
  });
  test.each(['4', '0-4', '3-1', '999999'])('"%s" is out of range', (text) => {
    expect(() => parseLayers(text, 4)).toThrow(/out of range; the model has the layers 0 to 3/);
  });
});

test('the hook records the selection, and what has no layer anyway', () => {
  const { record, overwrite } = recordOnly(['embd', 'kq'], [1]);
  const at = (stage: string, layer: number | null) => record({ stage, layer } as Parameters<typeof record>[0]);
  expect([at('embd', null), at('kq', 1), at('kq', 0), at('q_proj', 1), at('result_output', null)]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(overwrite).toBeUndefined();
});

describe('what is judged', () => {
  const judged = (stages?: string, layers?: string) => (stage: string, layer: number | null) =>
    parseJudged({ stages, layers })?.({ stage, layer });

  test('names, where * is anything and nothing else is; with the sums that a log has of them', () => {
    const is = judged('ffn_*, kq,a.b');
    const names = ['ffn_up', 'ffn_', 'kq', 'kq_soft_max', 'xffn_up', 'a.b', 'axb', 'sum of kq', 'sum of kqv'];
    expect(names.filter((name) => is(name, 0))).toEqual(['ffn_up', 'ffn_', 'kq', 'a.b', 'sum of kq']);
  });

  test('layers, and what is of none', () => {
    const is = judged(undefined, '1-2');
    expect([is('kq', 0), is('kq', 1), is('kq', 3), is('embd', null)]).toEqual([false, true, false, true]);
    expect(judged('kq', '1')('embd', null)).toBe(false);
  });

  test('everything where nothing is said', () => {
    expect(parseJudged({})).toBeUndefined();
  });
});
