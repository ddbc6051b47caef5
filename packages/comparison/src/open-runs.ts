import { Dump, type RecordedRun } from '@llama-probe/dump';
import { type OpenOptions, openRun } from '@llama-probe/import';
import { inSteps } from './in-steps.js';
import { openingOf, type ReadOptions } from './opening.js';
import { promptLength } from './sides/dump.js';

/** Two recorded runs. One that does not say what was run is taken to have run what was given, or what the other one ran. */
export async function openRuns(
  candidatePath: string,
  referencePath: string,
  options: ReadOptions,
): Promise<readonly [RecordedRun, RecordedRun]> {
  const opening = openingOf(options);
  const opened: RecordedRun[] = [];
  const open = async (path: string, more: OpenOptions = {}): Promise<RecordedRun> => {
    const run = await openRun(path, { ...opening, ...more, excerpts: true });
    opened.push(run);
    return run;
  };
  try {
    const [ours, theirs] = [await open(candidatePath), await open(referencePath)];
    const [more, moreOfTheirs] = [knownBy(theirs, ours), knownBy(ours, theirs)];
    const runs = [
      more ? await open(candidatePath, more) : ours,
      moreOfTheirs ? await open(referencePath, moreOfTheirs) : theirs,
    ] as const;
    await Promise.all(opened.filter((run) => !runs.includes(run)).map((run) => run.close()));
    return await withStepsOf(runs);
  } catch (error) {
    await Promise.all(opened.map((run) => run.close()));
    throw error;
  }
}

/** Where one run has its decoded tokens in steps and the other has a row for each token and no steps, both in the former's steps. */
async function withStepsOf([one, other]: readonly [RecordedRun, RecordedRun]): Promise<
  readonly [RecordedRun, RecordedRun]
> {
  if (one instanceof Dump && other instanceof Dump) return [one, other];
  const [ids, otherIds] = [one.metadata.tokens, other.metadata.tokens];
  const [prompt, otherPrompt] = await Promise.all([one, other].map(promptLength));
  const isSame = ids.slice(0, otherIds.length).every((id, i) => id === otherIds[i]);
  if (!isSame || prompt === undefined || otherPrompt === undefined || prompt === otherPrompt) return [one, other];
  const heads = [one, other].map(({ metadata }) => metadata.shapes?.kq?.[0]).find((count) => count !== undefined);
  return prompt > otherPrompt ? [inSteps(one, otherPrompt, heads), other] : [one, inSteps(other, prompt, heads)];
}

/** What one run says that another one does not say of itself: its tokens, how many layers there are. A dump of ours is not told anything. */
function knownBy(other: RecordedRun, run: RecordedRun): OpenOptions | undefined {
  if (run instanceof Dump) return undefined;
  const { tokens, model } = other.metadata;
  const lacksTokens = run.metadata.tokens.length === 0 && tokens.length > 0;
  // What an import says of its layers, it has counted.
  const modelLayers = other instanceof Dump ? model?.layers : undefined;
  if (!lacksTokens && modelLayers === undefined) return undefined;
  const size = model?.hyperparameters?.vocab_size;
  const vocabulary = typeof size === 'number' ? size : undefined;
  return { ...(lacksTokens ? { tokens, tokensFrom: other.path } : {}), modelLayers, vocabulary };
}
