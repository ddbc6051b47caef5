import { isLong } from '@llama-probe/testing';
import { expect, test } from 'vitest';
import { probe, probeJson } from './support/session.js';

interface Doctor {
  readonly proofs: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[] | null;
}

/** What must have been tried, and what must have come of it. */
const PROOFS: readonly [RegExp, RegExp][] = [
  [/against itself is exactly zero/, /^240 stages, 0 of them with a difference$/],
  [/the same logits, bit for bit, when it is watched/, /^3 of 3 rows$/],
  [/two identical dumps agree/, /^240 stages: agree$/],
  [/one value off by 1 % of its stage's RMS is found at that stage and token/, /^80 of 80 stages$/],
  [/a stage missing never agrees/, /^incomparable$/],
  [/stages exchanged never agrees/, /^diverged$/],
  [/evaluated before its input never agrees/, /^incomparable$/],
  [/rows in another order never agrees/, /^diverged$/],
  [/of other tokens never agrees/, /^incomparable$/],
  [/of zeros never agrees/, /^diverged$/],
  [/of NaN never agrees/, /^diverged$/],
];

test('probe doctor --prove: every proof holds', async () => {
  const { code, json } = await probeJson<Doctor>(['doctor', '--prove']);
  for (const [name, detail] of PROOFS) {
    const proof = json.proofs?.find((one) => name.test(one.name));
    expect(proof, String(name)).toMatchObject({ ok: true, detail: expect.stringMatching(detail) });
  }
  for (const { ok, name, detail } of json.proofs ?? []) expect(ok, `${name}: ${detail}`).toBe(true);
  expect(code).toBe(0);
});

// Its text: test/find-a-divergence.test.ts.
test.runIf(isLong)('as text it says the same', async () => {
  const [{ json }, { code, stdout }] = await Promise.all([
    probeJson<Doctor>(['doctor', '--prove']),
    probe(['doctor', '--prove']),
  ]);
  for (const { name, detail } of json.proofs ?? []) expect(stdout).toContain(`  ✓ ${name}: ${detail}\n`);
  expect(stdout).toMatch(/^can the verdict be believed\?/m);
  expect(code).toBe(0);
});

test('without --prove nothing is proved', async () => {
  const { code, json } = await probeJson<Doctor>(['doctor']);
  expect(json.proofs).toBeNull();
  expect(code).toBe(0);
});
