import { expect, test } from 'vitest';
import { parseInjections } from '../src/diagnosis/inject-option.js';
import { UsageError } from '../src/errors.js';

const BLOCKS = 4;

test('a bug wherever it can be, or in one layer', () => {
  const told = (text: string | undefined) => parseInjections(text, BLOCKS).map(({ bug, layer }) => [bug.id, layer]);
  expect(told(undefined)).toEqual([]);
  expect(told('rope-halves, rms-eps@3')).toEqual([
    ['rope-halves', undefined],
    ['rms-eps', 3],
  ]);
});

test.each([
  ['rope-halfs', /"rope-halfs" is not in the catalogue; did you mean rope-halves\?/],
  ['rope-halves@4', /"rope-halves@4" names no layer of this model; wanted such as rope-halves@0, up to rope-halves@3/],
  ['rope-halves@x', /names no layer/],
  ['tokens-bos-missing', /a matter of the tokens/],
  ['', /wanted the id of a known bug/],
  ['rope-halves,rope-theta@1', /rope-halves and rope-theta are both of q_rope; a stage takes one bug/],
])('"%s" is refused', (inject, message) => {
  const parse = () => parseInjections(inject, BLOCKS);
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(message);
});
