import { inShort, isLong } from '@llama-probe/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { noiseInRow } from '../scripts/sensitivity/errors.js';
import { nameOf, openSubject, type Subject, type SubjectOptions } from '../scripts/sensitivity/subject.js';
import { firstBlocks } from './support/models.js';
import { CACHE } from './support/probe.js';

/** Half of the bundled model's: each place is a run of all of them. */
const BLOCKS = isLong ? 4 : 2;
const SIZE = 1e-4; // of the noise, relative to the row that it is in

let subject: Subject | undefined;
beforeEach(() => {
  vi.stubEnv('LLAMA_PROBE_CACHE', CACHE);
});
afterEach(() => {
  subject?.close();
  vi.unstubAllEnvs();
});

/** The places at which noise is not found at exactly that stage, layer, step and token. */
async function missedBy(options: SubjectOptions, blocks = BLOCKS): Promise<string[]> {
  subject = await openSubject({ model: firstBlocks(blocks), ...options });
  const missed: string[] = [];
  for (const [place, at] of subject.places.entries()) {
    if (!(await subject.finds(place, noiseInRow, SIZE))) missed.push(nameOf(at));
  }
  return missed;
}

describe(`noise of ${SIZE} in one row is found where it is, in every stage of every layer`, () => {
  test.each(inShort(['Q4_K', 'F16', 'Q8_0'], 1))('%s, exact', async (type) => {
    expect(await missedBy({ type, mode: 'exact' })).toEqual([]);
    expect(subject?.places).toHaveLength(BLOCKS * 19 + 4);
  });

  test('and nowhere where the minimum is ten times as large', async () => {
    const missed = await missedBy({ type: 'Q8_0', mode: 'exact', minimum: 1e-3 }, 1);
    expect(missed).toHaveLength(19 + 4);
  });
});
