import { compare } from '../compare.js';
import { type Progress, within } from '../progress.js';
import { documentOf } from '../report-json.js';
import type { TextCandidate } from './candidate.js';
import { chunksOf } from './chunks.js';
import { logitsOf, type Wanted } from './logits.js';
import { type Onset, onsetOf } from './onset.js';
import type { FoundStage, WindowGroup, WorstPosition } from './report.js';
import { type TextRun, ubatchOf } from './run.js';
import { logProbs, scoreOf } from './score.js';
import type { Window } from './windows.js';

const WORST = 3; // positions whose stages are compared unless --worst says otherwise

export interface Looked {
  readonly onsets: readonly Onset[];
  readonly stages: readonly FoundStage[];
}

/**
 * From positions to stages: the tokens up to each are run once more, and every stage of both sides is compared. Where these agree by themselves, the
 * whole window is, and of a dump always, which cannot be run up to a position. With `--find onset` it is not the worst position of a window that they go to, but the fewest tokens that diverge.
 *
 * @param worst one a window, the worst first
 * @param found what was measured of the windows
 * @param limit of a position, which an onset is over
 */
export async function lookCloser(
  run: TextRun,
  worst: readonly WorstPosition[],
  found: readonly WindowGroup[],
  limit: number,
): Promise<Looked> {
  const { options, source } = run;
  const onsets: Onset[] = [];
  const stages: FoundStage[] = [];
  for (const { window: index, position } of worst.slice(0, options.worst ?? WORST)) {
    const window = source.windows[index] as Window;
    const first = found[index]?.firstOver ?? null;
    const onset = options.find === 'onset' && first !== null ? await findOnset(run, window, first, limit) : undefined;
    if (onset) onsets.push(onset);
    const end = window.tokens.length - 1;
    const last = onset ? onset.tokens - 1 : position;
    const up = await stagesUpTo(run, window, run.candidate.recorded ? end : last);
    stages.push(up.report.verdict === 'agree' && up.position < end ? await stagesUpTo(run, window, end) : up);
  }
  return { onsets, stages };
}

async function stagesUpTo(run: TextRun, { tokens, index, dump }: Window, position: number): Promise<FoundStage> {
  const { file, reference, candidate, signal, clock } = run;
  const ids = tokens.slice(0, position + 1);
  const progress = within(run.progress, `the stages up to position ${position}`);
  const side = await candidate.on({ tokens: ids, dump }, 'stages', progress);
  try {
    const { stages, precision } = candidate;
    const ask = { prompt: { ids }, steps: 0, ubatch: ubatchOf(run, ids.length), stages, precision, model: file };
    const report = await compare(side, (await reference.get()).side, ask, { progress, signal, clock });
    return { window: index, position, report: documentOf('comparison', report) };
  } finally {
    await side.close();
  }
}

/** The shortest prefix of a window at which a position is over the limit, and whether that depends on how the prompt is cut. */
async function findOnset(run: TextRun, { tokens, index }: Window, first: number, limit: number): Promise<Onset> {
  const { candidate } = run;
  const onset = await onsetOf(index, tokens.length, first, (length) =>
    firstOver(run, tokens.slice(0, length), ubatchOf(run, length), limit, `a prefix of ${length} tokens`),
  );
  const { tokens: length, position } = onset;
  const isCut = ubatchOf(run, tokens.length) !== undefined; // so is the prefix, or not
  if (!candidate.canChunk || !isCut) return onset;
  const used = ubatchOf(run, length) ?? length;
  const most = Math.min(length, candidate.ubatch?.(length) ?? length);
  const prefix = tokens.slice(0, length);
  const sizes = await chunksOf(length, { size: used, position }, most, (size) =>
    firstOver(run, prefix, size, limit, `${length} tokens in chunks of ${size}`),
  );
  return { ...onset, chunks: { used, sizes } };
}

/** The first position over the limit when these tokens are run, so many at once. */
async function firstOver(
  { reference, candidate, progress, signal }: TextRun,
  tokens: readonly number[],
  ubatch: number | undefined,
  limit: number,
  which: string,
): Promise<number | undefined> {
  const what = `looking for the onset: ${which}`;
  progress.say(what);
  const wanted = { tokens, ubatch, first: 0, last: tokens.length - 1, signal };
  const ours = await logits(candidate, wanted, within(progress, what));
  const theirs = await logitsOf((await reference.get()).side, wanted);
  for (const [position, row] of [...ours].sort(([a], [b]) => a - b)) {
    const right = theirs.get(position);
    if (right && scoreOf(logProbs(right), row).kl > limit) return position;
  }
  return undefined;
}

/** The candidate's logits. */
export async function logits(
  candidate: TextCandidate,
  { dump, ...wanted }: Wanted & Pick<Window, 'dump'>,
  progress: Progress,
): Promise<Map<number, Float32Array>> {
  const side = await candidate.on({ tokens: wanted.tokens, dump }, 'logits', progress);
  try {
    return await logitsOf(side, wanted);
  } finally {
    await side.close();
  }
}
