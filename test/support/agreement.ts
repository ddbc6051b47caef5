import { expect } from 'vitest';
import { probeJson } from './session.js';

/** What `probe compare --json` says of each stage, as far as it is looked at here. */
interface Compared {
  readonly verdict: string;
  readonly reason: string;
  readonly stages: ReadonlyArray<{ readonly stage: string; readonly layer: number | null; readonly rel: number }>;
}

/** A prompt that is longer than the tiny models' windows. */
export const PROMPT = [1, 40, 41, 26, 37, 43, 28, 41, 28, 40, 36, 27];

/** The engine and llama.cpp on a model, exact: every stage of the prompt and of two decoded tokens is the same to within 1e-5. */
export async function expectAgreement(model: string, ...more: readonly string[]): Promise<Compared> {
  const args = [
    'compare',
    '--model',
    model,
    '--tokens',
    PROMPT.join(),
    '--steps',
    '2',
    '--reference',
    'exact',
    '--no-floors', // held to 1e-5 here, whatever its floor
    ...more,
  ];
  const { json, code } = await probeJson<Compared>(args);
  expect(json.reason).toMatch(/^All \d+ stages agree/);
  expect([code, json.verdict]).toEqual([0, 'agree']);
  for (const { stage, layer, rel } of json.stages) expect(rel, `${stage} of layer ${layer}`).toBeLessThan(1e-5);
  return json;
}
