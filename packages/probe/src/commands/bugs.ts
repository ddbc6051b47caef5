import {
  bugsNamed,
  caseModel,
  chooseModel,
  graphTrials,
  isDense,
  llamaSide,
  openBoth,
  RULES,
  runMatrix,
  type Trial,
  tokenize,
} from '@llama-probe/comparison';
import type { AdapterChoice } from '@llama-probe/comparison/ask';
import { type ModelOptions, type Progress, UsageError } from '@llama-probe/comparison/ask';
import { CATALOGUE } from '@llama-probe/oracle';
import { openReference, otherBuild, type Reference } from '@llama-probe/reference';
import { BORDERLESS, color } from '@llama-probe/report';
import Table from 'cli-table3';

export interface BugsOptions extends ModelOptions {
  run?: boolean;
  only?: string;
  adapter: AdapterChoice;
  json?: boolean;
}

/** What `probe bugs --json` prints. */
export interface BugsReport {
  readonly schema: 1;
  readonly faults: readonly {
    readonly id: string;
    readonly title: string;
    readonly stages: readonly string[];
    readonly source: string;
    readonly look: string;
  }[];
  /** null unless they were run. */
  readonly trials: readonly Trial[] | null;
}

const PROMPT = { text: 'Hello, my friend! What is 2 plus 3?', chat: false };
const STEPS = 2;

/**
 * `probe bugs`: the catalogue; with `--run` each bug is put into healthy runs, to be found and named: the engine's, or llama.cpp's own of a model that
 * the engine does not compute.
 */
export async function runBugs(options: BugsOptions, progress: Progress, signal: AbortSignal): Promise<BugsReport> {
  const entries = options.only === undefined ? CATALOGUE : bugsNamed('--only', options.only);
  const faults = entries.map(({ id, title, stages, source, look }) => ({ id, title, stages, source, look }));
  if (!options.run) {
    const needless = Object.entries({
      '--model': options.model,
      '--quantize': options.quantize,
      '--imatrix': options.imatrix,
    }).find(([, given]) => given);
    if (needless) throw new UsageError(`${needless[0]} is for --run: the catalogue is the same for every model.`);
    return { schema: 1, faults, trials: null };
  }
  const file = await chooseModel(options, progress, signal);
  if (!isDense(file)) {
    const { trials } = await graphTrials(file, {
      ids: entries.map(({ id }) => id),
      tokensOf: async (text) =>
        file.metadata['tokenizer.ggml.model'] === 'no_vocab' ? NUMBERS : (await tokenize(PROMPT, text)).ids,
      onProgress: progress.say,
      signal,
    });
    return { schema: 1, faults, trials };
  }
  const { engine, reference, chosen } = await openBoth(file, { ...options, reference: 'exact' }, progress, signal);
  let other: Reference | undefined;
  try {
    const build = otherBuild(reference.info.cpuVariant, reference.info.cpuVariants);
    if (build !== undefined)
      other = await openReference({ model: file.path, mode: 'exact', cpuVariant: build, signal });
    const { ids: tokens } =
      file.metadata['tokenizer.ggml.model'] === 'no_vocab'
        ? { ids: NUMBERS }
        : await tokenize(PROMPT, llamaSide(reference, file, chosen).text);
    const trials: Trial[] = [];
    const about = {
      engine,
      model: caseModel(file, engine.config),
      reference,
      other,
      rule: RULES.exact,
      tokens,
      steps: STEPS,
    };
    for await (const trial of runMatrix({
      ...about,
      ids: entries.map(({ id }) => id),
      onProgress: progress.say,
      signal,
    })) {
      trials.push(trial);
    }
    return { schema: 1, faults, trials };
  } finally {
    engine.close();
    await reference.close();
    await other?.close();
  }
}

const NUMBERS = Array.from({ length: 12 }, (_, i) => i + 1); // for a model without a vocabulary

/** Whether any bug changed anything: otherwise nothing was tried. */
export const wasSeen = ({ trials }: BugsReport): boolean => (trials ?? []).some(({ found }) => found !== 'unseen');

/** Every bug that changed a number was found where it is, and named, or its name said to be one of several that cannot be told apart. */
export const isProven = (report: BugsReport): boolean =>
  wasSeen(report) &&
  (report.trials ?? []).every(({ found, named }) => found === 'unseen' || (found === 'right' && named !== 'no'));

/** The same as text. */
export function bugsListText({ faults, trials }: BugsReport): string {
  if (!trials) {
    const table = new Table({ ...BORDERLESS, head: ['id', 'shows first at', 'what it is'] });
    for (const { id, stages, title } of faults) table.push([id, stages.join(', '), title]);
    return table.toString();
  }
  const table = new Table({ ...BORDERLESS, head: ['id', 'layer', 'run', 'found', 'named'] });
  for (const { id, layer, run, found, at, named, name, confidence } of trials) {
    const where =
      found === 'wrong'
        ? color.red(`at ${at}`)
        : found === 'unseen'
          ? color.dim('changes too little')
          : color.green('right');
    const called =
      named === null
        ? ''
        : named === 'first'
          ? color.green(`${confidence}`)
          : `${named === 'tied' ? 'cannot be told from' : color.red('as')} ${name ?? 'unknown'}`;
    table.push([id, layer ?? '', run, where, called]);
  }
  const shown = trials.filter(({ found }) => found !== 'unseen');
  const count = (test: (trial: Trial) => boolean) => shown.filter(test).length;
  return [
    table.toString(),
    '',
    `${trials.length} trials, ${shown.length} of them changed a number by more than the limits`,
    `found at the right stage: ${count(({ found }) => found === 'right')} of ${shown.length}`,
    `named first: ${count(({ named }) => named === 'first')}; not to be told from another: ${count(({ named }) => named === 'tied')}; not named: ${count(({ named }) => named === 'no')}`,
  ].join('\n');
}
