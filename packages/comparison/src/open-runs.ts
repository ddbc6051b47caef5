import type { RecordedRun } from '@llama-probe/dump';
import { type OpenOptions, openRun } from '@llama-probe/import';
import { openingOf, type ReadOptions } from './opening.js';

/** Two recorded runs. One that does not say what was run is taken to have run what was given, or what the other one ran. */
export async function openRuns(
  candidatePath: string,
  referencePath: string,
  options: ReadOptions,
): Promise<readonly [RecordedRun, RecordedRun]> {
  const opening = openingOf(options);
  const candidate = await openRun(candidatePath, opening);
  let reference: RecordedRun;
  try {
    reference = await openRun(referencePath, opening);
  } catch (error) {
    await candidate.close();
    throw error;
  }
  try {
    const [ours, theirs] = [candidate, reference].map(({ metadata }) => metadata.tokens.length > 0);
    if (ours === theirs) return [candidate, reference];
    if (ours) return [candidate, await again(reference, candidate, opening)];
    return [await again(candidate, reference, opening), reference];
  } catch (error) {
    await Promise.all([candidate.close(), reference.close()]);
    throw error;
  }
}

/** The run once more, with the tokens of the other one. */
async function again(run: RecordedRun, other: RecordedRun, opening: OpenOptions): Promise<RecordedRun> {
  const opened = await openRun(run.path, { ...opening, tokens: other.metadata.tokens, tokensFrom: other.path });
  await run.close();
  return opened;
}
