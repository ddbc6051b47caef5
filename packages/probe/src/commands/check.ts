import {
  checkFirstAttention,
  graphToUse,
  hyperparametersOf,
  openingOf,
  ownModel,
  together,
} from '@llama-probe/comparison';
import type { Progress, ReadOptions } from '@llama-probe/comparison/ask';
import type { Checked } from '@llama-probe/diff';
import { Invariants } from '@llama-probe/diff';
import { decodeGraph, isStageName } from '@llama-probe/dump/stage';
import { openRun } from '@llama-probe/import';
import { broken, color, placesOf, tameAll, verdictLine } from '@llama-probe/report';

/** The GGUF file, for what needs the weights; and how the dump is to be read. */
export interface CheckOptions extends ReadOptions {
  model?: string;
}

/** What must hold of a dump by itself, and what does not. */
export interface CheckReport extends Checked {
  readonly schema: 1;
  readonly file: string;
  /** Tensors under names of the vocabulary: of others only NaN and Inf can be told. */
  readonly known: number;
  /** What was done to what another program wrote, to read it as a run. */
  readonly notes?: readonly string[];
}

/** `probe check DUMP`: the checks that need no reference. @param options.model adds those that need the weights */
export async function runCheck(
  path: string,
  options: CheckOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<CheckReport> {
  const dump = await openRun(path, openingOf(options));
  try {
    const model = await ownModel(options.model, [dump]);
    const { metadata } = dump;
    const heads = { heads: metadata.shapes?.kq?.[0], headsKv: metadata.shapes?.k_proj?.[0] };
    const invariants = new Invariants({
      architecture: metadata.model?.architecture,
      hyperparameters: metadata.model?.hyperparameters ?? (model && hyperparametersOf(model)),
      graph: metadata.graph && graphToUse(decodeGraph(metadata.graph, heads), heads),
      ...heads,
    });
    progress.say(`checking ${path}`);
    let known = 0;
    for await (const tensor of dump.tensors()) {
      signal.throwIfAborted();
      if (isStageName(tensor.stage)) known++;
      invariants.add(tensor);
    }
    const result = invariants.result();
    const all = model ? together(result, checkFirstAttention(model, invariants.firstRows, heads)) : result;
    return { schema: 1, file: path, known, ...all, ...(dump.notes.length > 0 ? { notes: dump.notes } : {}) };
  } finally {
    await dump.close();
  }
}

/** The same as text: what is broken, then what was looked at. */
export function checkText(raw: CheckReport): string {
  const report = tameAll(raw);
  const counts = Object.entries(report.checked).filter(([, rows]) => rows > 0);
  return [
    headline(report),
    ...broken(report.file, report),
    ...counts.map(([name, rows]) => {
      const wrong = report.broken.filter(({ check }) => check === name).length;
      return `${wrong > 0 ? color.red('✗') : color.green('✓')} ${name.padEnd(16)} ${rows} rows${wrong > 0 ? `, ${wrong} stages broken` : ''}`;
    }),
    ...report.leftOut.map(({ check, reason }) => `– ${check.padEnd(16)} left out: ${reason}`),
    ...(report.notes ?? []).map((note) => `– ${note}`),
  ].join('\n');
}

/** What is wrong, in a line. @example '✗ diverged: first-value does not hold: kqv_out, layers 0 to 3' */
function headline({ broken, known }: CheckReport): string {
  const [first] = broken;
  if (first) {
    const others = new Set(broken.map(({ check }) => check)).size - 1;
    const places = placesOf(broken.filter(({ check }) => check === first.check));
    const reason = `${first.check} does not hold: ${places}${others === 0 ? '' : ` (and ${others} more)`}`;
    return verdictLine({ verdict: 'diverged', reason });
  }
  const nothing = 'nothing of the vocabulary is in this dump: at most NaN and Inf were looked for';
  if (known === 0) return verdictLine({ verdict: 'incomparable', reason: nothing });
  return verdictLine({ verdict: 'agree', reason: 'everything that was checked holds' });
}
