import { STAGE_NAMES } from '@llama-probe/dump';
import { inShort, isLong } from '@llama-probe/testing';
import { expect, test } from 'vitest';
import { CATALOGUE } from '../../src/catalogue.js';
import { byNumbers } from '../../src/numbers/by-numbers.js';
import { engineRows, limitsOf, randomCase } from '../diagnose/random-cases.js';
import { graphCases } from '../graph-cases.js';

const ELSEWHERE = /hold|exchanged|transposed|in reverse|again and again/;
const AS_IT_WAS = /as (?:it was|they were)$/;
const TURNED = /turned for position|turned for the position/;
const SEEN = /sees? /;
const SCALE = /^the scores are multiplied by/;
const CONSTANT = /times the right values/;

/** What the numbers of a known bug may say, were it not known. Of any other they say nothing. */
const TRUE: Readonly<Record<string, RegExp>> = {
  'embedding-scaled': CONSTANT,
  'embedding-id-offset': /has the embedding of/,
  'head-wrong-position': ELSEWHERE,
  'logits-scaled': CONSTANT,
  'rms-skipped': AS_IT_WAS,
  'rms-sum': /the sum of squares, not their mean/,
  'rms-over-rows': /one root mean square, that of all of them/,
  'rms-eps': /^the epsilon is /,
  'norm-weight-missing': AS_IT_WAS,
  'norm-weight-twice': /its own, squared/,
  'norm-weight-plus-one': /its own, plus 1/,
  'norm-weight-exchanged': /the weight is that of/,
  'norm-weight-other-layer': /the weight is that of/,
  'router-bias-missing': AS_IT_WAS,
  'qk-norm-left-out': TURNED,
  'head-from-embedding': /the weight is that of/,
  'weight-exchanged': /the weight is that of/,
  'weight-other-layer': /the weight is that of/,
  'gate-up-exchanged': /the weight is that of/,
  'qk-permutation': ELSEWHERE,
  'k-permutation-heads': ELSEWHERE,
  'head-order': ELSEWHERE,
  'weight-block-order': ELSEWHERE,
  'weight-group-index': ELSEWHERE,
  'bias-missing': /the bias is not added/,
  'bias-twice': /the bias is added twice/,
  'bias-unpermuted': /^of the bias, /,
  'nibble-order': ELSEWHERE,
  'rope-position-pinned': TURNED,
  'rope-position-restarts': new RegExp(`${TURNED.source}|${AS_IT_WAS.source}`),
  'rope-cache-length': TURNED,
  'rope-position-offset': TURNED,
  'rope-missing': new RegExp(`${TURNED.source}|${AS_IT_WAS.source}`),
  'rope-freq-not-per-head': AS_IT_WAS, // by less than the limit, on so few tokens
  'rope-partial-tail': AS_IT_WAS,
  'rope-first-heads': AS_IT_WAS,
  'yarn-no-magnitude': /1 \+ 0\.1 ln/,
  'gqa-tiled': /KV head/,
  'gqa-divisor': /KV head/,
  'kq-scaled': CONSTANT,
  'cache-layout': /^of V, /,
  'heads-not-merged': /written as \(heads, tokens, head_dim\)/,
  'mask-missing': SEEN,
  'mask-off-by-one': SEEN,
  'mask-forgets-past': SEEN,
  'mask-per-chunk': SEEN,
  'window-ignored': SEEN,
  'window-off-by-one': SEEN,
  'sliding-window': SEEN,
  'attention-scale-missing': SCALE,
  'attention-scale-dimension': SCALE,
  'softmax-temperature': SCALE,
  'router-activation': AS_IT_WAS,
  'expert-weights-normalised': AS_IT_WAS,
  'expert-factor-left-out': AS_IT_WAS,
  'expert-bias': AS_IT_WAS,
  'expert-weights-misplaced': AS_IT_WAS,
  'expert-sum': CONSTANT,
  'residual-missing': AS_IT_WAS,
  'residual-twice': /2 · /,
  'residual-branch': new RegExp(`(?:2|−1) · |${AS_IT_WAS.source}`),
};

const CASES = inShort(
  [
    ...STAGE_NAMES.flatMap((stage) => [randomCase(stage), randomCase(stage, { rows: 1, firstPosition: 9 })]),
    ...graphCases().map(({ c }) => c),
  ].map((c) => ({ c, right: engineRows(c) })),
  40,
);

test('of a known bug, were it not known, the numbers say what is true or nothing', () => {
  const told = new Set<string>();
  for (const bug of CATALOGUE) {
    for (const { c, right } of CASES) {
      for (const { variation } of inShort([...bug.variants(c)], 1)) {
        const found = byNumbers(c, engineRows(c, variation, 7), right, { limits: limitsOf(1e-5) });
        if (!found) continue;
        told.add(bug.id);
        expect(found.text, `${bug.id} at ${c.stage}, ${JSON.stringify(variation)}`).toMatch(
          TRUE[bug.id] ?? /^nothing$/,
        );
      }
    }
  }
  expect(told.size).toBeGreaterThanOrEqual(isLong ? 40 : 30);
});
