import { expect, test } from 'vitest';
import { culpritsOf, headlineOf, placesOf, sureness } from '../src/culprits.js';
import { comparisonDocument } from '../src/json.js';
import { fault, sick } from './support/findings.js';

const of = (changes: Parameters<typeof sick>[0]) => {
  const { report } = sick(changes);
  return { headline: headlineOf(report), sure: culpritsOf(report).map(sureness) };
};

test('one bug is one cause, whatever stages and layers it is in; another value of its parameter is another', () => {
  const other = fault({ layer: 3 });
  const diagnosis = other.diagnosis && { ...other.diagnosis, bug: `${other.diagnosis.bug} (by = 2)` };
  expect(of({ faults: [fault({}), fault({ stage: 'k_rope' }), fault({ layer: 1 })] }).headline).toBe(
    'RoPE turns the halves of a head: q_rope, layers 0 to 1; k_rope, layer 0',
  );
  expect(of({ faults: [fault({}), { ...other, diagnosis }] }).headline).toMatch(/: q_rope, layer 0 \(and 1 more\)$/);
});

test('confirmed in one layer and likely in others: one cause, which says where it is which', () => {
  const { diagnosis, cause } = fault({});
  const likely = (layer: number, at?: readonly { stage: string; layer: number }[]) =>
    fault({
      layer,
      cause: cause && { ...cause, confidence: 'likely' },
      diagnosis: diagnosis && {
        ...diagnosis,
        ...{ confidence: 'likely', indistinguishable: ['other'], evidence: 'Something else is wrong too.' },
        candidates: diagnosis.candidates.map((one) => (at ? { ...one, at } : one)),
      },
    });
  const { headline, sure } = of({ faults: [likely(0), fault({ layer: 1 }), likely(2)] });
  expect(headline).toBe('RoPE turns the halves of a head: q_rope, layer 1; likely q_rope, layers 0, 2');
  expect(sure).toEqual([
    expect.stringMatching(
      /^confirmed in q_rope, layer 1 \(rope-halves\): recomputed\. .* Likely in q_rope, layers 0, 2: Something else is wrong too\.$/,
    ),
  ]);
  const { report } = sick({ faults: [fault({}), likely(2, [{ stage: 'q_proj', layer: 2 }])] });
  expect(headlineOf(report)).toMatch(/: q_rope, layer 0; likely q_proj, layer 2 \(seen at q_rope, layer 2\)$/);
  expect(comparisonDocument(report).causes?.[0]).toMatchObject({
    confidence: 'confirmed',
    at: [
      { layer: 0, confidence: 'confirmed' },
      { layer: 2, confidence: 'likely' },
    ],
  });
  expect(of({ faults: [likely(0)] }).headline).toMatch(/^Likely: .*, or other: q_rope, layer 0$/);
});

test('nothing was looked for: no bug is called unknown', () => {
  expect(of({ faults: null, diagnosis: null })).toEqual({
    headline: 'First wrong stage: q_rope, layer 0',
    sure: ['no bug was looked for: give --model FILE, without --no-blame'],
  });
});

test('of one of several faults none was looked for: no option would change that', () => {
  const { headline, sure } = of({ faults: [fault({ cause: null, diagnosis: null })] });
  expect(headline).toBe('Unknown bug: q_rope, layer 0');
  expect(sure).toEqual(['the bug is not known. No bug was looked for here.']);
});

test('places: layers in a row, several stages of the same layers, a stage of no layer', () => {
  const at = (stage: string, ...layers: readonly (number | null)[]) => layers.map((layer) => ({ stage, layer }));
  expect(placesOf([...at('q_rope', 0, 1, 2), ...at('k_rope', 0, 1, 2), ...at('result_output', null)])).toBe(
    'q_rope and k_rope, layers 0 to 2; result_output',
  );
  expect(placesOf(at('kq', 1, 4))).toBe('kq, layers 1, 4');
});
