import { basename } from 'node:path';
import { type AloneOptions, type Look, type Report, runAlone } from '@llama-probe/comparison';
import type { Progress } from '@llama-probe/comparison/ask';
import { openGguf } from '@llama-probe/engine';
import { contentHash } from '@llama-probe/reference';
import type { Language } from './check/names.js';
import { cutDown, worstRow } from './cut.js';
import { ReproError } from './errors.js';
import { filesOf } from './files.js';
import { caseAt, nameOf } from './find.js';
import { checkFolder, writeFolder } from './folder.js';
import type { Found } from './found.js';
import { canBeWritten } from './recipe/build.js';
import { type Asked, type Target, targetOf } from './target.js';

export interface ReproOptions extends Omit<AloneOptions, 'blame'>, Asked {
  /** The path of the GGUF file that was run. */
  readonly model: string;
  readonly languages: readonly Language[];
  /** A folder that is empty, or of an earlier test; by the stage's name without it. */
  readonly out?: string | undefined;
  /** All rows and columns, instead of the fewest that show the fault. */
  readonly whole?: boolean | undefined;
}

/** What `probe repro --json` prints. */
export interface Repro {
  readonly schema: 1;
  readonly file: string;
  readonly verdict: Report['verdict'];
  /** What is wrong, or that nothing is. */
  readonly reason: string;
  /** null where nothing is wrong, and no stage was asked for. */
  readonly case: WrittenCase | null;
}

export interface WrittenCase {
  readonly folder: string;
  readonly files: readonly string[];
  readonly step: number;
  readonly layer: number | null;
  readonly stage: string;
  /** Whether the stage is wrong by itself. */
  readonly isWrong: boolean;
  /** How many rows and columns there are, and of how many. */
  readonly shape: readonly [number, number];
  readonly of: readonly [number, number];
  /** How far the candidate's and llama.cpp's rows are from the operation in float64, and the limit; null where nothing computes it. */
  readonly distances: { readonly wrong: number; readonly right: number; readonly limit: number } | null;
}

/**
 * `probe repro RUN`: the first stage of a run that is wrong by itself, as a test that needs nothing of ours.
 *
 * @throws ReproError where there is nothing to make a test of; UsageError for a stage that there is not, and a folder with other things in it
 * @example await runRepro('mine.arrow', { model: 'model.gguf', reference: 'auto', languages: ['python'] }, progress, signal)
 */
export async function runRepro(
  path: string,
  options: ReproOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Repro> {
  const { model, languages, out, whole = false, stage, layer, step, ...alone } = options;
  if (out !== undefined) checkFolder(out);
  const isAsked = stage !== undefined;
  const file = await openGguf(model);
  let found: Found | undefined;
  const judged = isAsked ? ({ ...alone, blame: true } as const) : alone;
  const cutOut: Look['blamed'] = async (blamed, of) => {
    const target = targetOf(blamed, { stage, layer, step });
    if (!target) return;
    const { sick, op } = await caseAt(target, blamed, of, file);
    progress.say(`cutting ${nameOf(target)} down`);
    const isKnown = sick.case.operation !== undefined && canBeWritten(sick.case.operation);
    found = { target, sick, op, cut: isKnown ? await cutDown(sick, target.isWrong, whole) : worstRow(sick) };
  };
  const report = await runAlone(path, model, judged, progress, signal, { blamed: cutOut });
  if (!found) return withoutCase(path, report, isAsked);
  const { target, cut, sick } = found;
  const folder = out ?? folderOf(target);
  checkFolder(folder);
  const about = { report, run: basename(path), file, hash: await contentHash(model) };
  const files = filesOf(found, languages, about);
  writeFolder(folder, files);
  const { rows, columns } = cut.wrong;
  return {
    schema: 1,
    file: path,
    verdict: report.verdict,
    reason: report.reason,
    case: {
      folder,
      files: [...files.keys()],
      step: target.step,
      layer: target.layer,
      stage: target.stage,
      isWrong: target.isWrong,
      shape: [rows, columns],
      of: [sick.case.rows, sick.right.length / sick.case.rows],
      distances: cut.distances ?? null,
    },
  };
}

/** @example folderOf({ stage: 'q_rope', layer: 0, step: 1 }) === 'repro-q_rope-0-step1' */
function folderOf({ stage, layer, step }: Target): string {
  const parts = ['repro', stage, ...(layer === null ? [] : [layer]), ...(step === 0 ? [] : [`step${step}`])];
  return parts.join('-').replaceAll(/[^\w.-]/g, '_');
}

/** @throws ReproError where something is wrong, or nothing could be told */
function withoutCase(file: string, { verdict, reason, diagnosis }: Report, isAsked: boolean): Repro {
  if (verdict === 'agree' && !isAsked) return { schema: 1, file, verdict, reason, case: null };
  const why = diagnosis?.candidates.length === 0 ? ` (${diagnosis.text})` : '';
  const remedy =
    verdict === 'incomparable'
      ? 'Nothing can be made of a run that cannot be compared; probe diff says more.'
      : 'No stage is wrong from the inputs that it had, as far as they could be run; capture more stages, or name one with --stage.';
  throw new ReproError('repro-nothing', `${reason}${why} ${remedy}`);
}
