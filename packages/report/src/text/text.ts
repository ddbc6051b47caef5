import { stripVTControlCharacters } from 'node:util';
import type { Report } from '@llama-probe/comparison';
import { describe, type StageResult, short, showLimit } from '@llama-probe/diff';
import Table from 'cli-table3';
import { summaryOf } from '../facts.js';
import { tameReport } from '../tame.js';
import { ofLimitOf, relOf, sayTheSame, speech, times, timesSaid, tokensSaid } from '../words.js';
import { checksText } from './checks.js';
import { color } from './color.js';
import { culpritsText } from './culprits.js';
import { decodeText } from './decode.js';
import { faultsText } from './faults.js';
import { BORDERLESS, type TableHead, tableOf } from './table.js';
import { headlineLine } from './verdict-line.js';

const SHOWN_WRONG = 24; // stages of decode steps: about a layer

export interface TextOptions {
  /** false: none. Without it there are some where standard output is a terminal. */
  readonly colors?: boolean;
}

/** The report as text: what is wrong, where to look, what both sides say; then the evidence, what was run, and every stage. */
export function textReport(raw: Report, { colors = true }: TextOptions = {}): string {
  const report = tameReport(raw);
  const text = [
    headlineLine(report),
    culpritsText(report),
    tokensSaid(report.tokenDiagnosis),
    said(report),
    faultsText(report),
    decodeText(report.decode),
    checksText(report),
    observationsText(report.observations),
    heading(report),
    readText(report),
    stageTable(report.stages),
    logitsTable(report),
    took(report),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
  return colors ? text : stripVTControlCharacters(text);
}

const heading = (report: Report): string =>
  Object.entries(summaryOf(report))
    .map(([label, text]) => `${label.padEnd(11)}${text}`)
    .join('\n');

/** What was done to files of others to read them as runs. */
const readText = ({ candidate, reference }: Report): string =>
  [candidate, reference]
    .flatMap(({ name, notes = [] }) =>
      notes.length > 0 ? [`${name} was read so:`, ...notes.map((note) => `  ${note}`)] : [],
    )
    .join('\n');

/** Numbers that look odd beside the reference's: where nothing differs from it there is nothing to chase. */
function observationsText(observations: Report['observations']): string {
  const differing = observations.filter(({ differs }) => differs);
  if (differing.length === 0) return '';
  return ['observed (facts about numbers, no verdict):', ...differing.map(({ text }) => `  ${text}`)].join('\n');
}

/** One row per stage of the prompt, and the decode steps in a line; their wrong stages too where the prompt is right. */
function stageTable(stages: readonly StageResult[]): string {
  if (stages.length === 0) return '';
  const hasLocal = stages.some(({ local }) => local !== null);
  const columns: TableHead = {
    head: [
      'layer',
      'stage',
      'RMS delta',
      'relative',
      'floor',
      'limit',
      'of limit',
      ...(hasLocal ? ['local'] : []),
      'verdict',
    ],
    colAligns: [
      'right',
      'left',
      'right',
      'right',
      'right',
      'right',
      'right',
      ...(hasLocal ? (['right'] as const) : []),
      'left',
    ],
  };
  const prompt = stages.filter(({ step }) => step === 0);
  const decoded = stages.filter(({ step }) => step > 0);
  const wrong = decoded.filter(({ verdict }) => verdict !== 'agree');
  const shown = prompt.every(({ verdict }) => verdict === 'agree') ? wrong.slice(0, SHOWN_WRONG) : [];
  const rows = [
    ...prompt.map((stage) => row(stage, '', hasLocal)),
    ...shown.map((stage) => row(stage, ` at step ${stage.step}`, hasLocal)),
  ];
  return [tableOf(columns, rows), ...decodeSummary(decoded, wrong)].join('\n\n');
}

function decodeSummary(decoded: readonly StageResult[], wrong: readonly StageResult[]): string[] {
  if (decoded.length === 0) return [];
  const steps = `steps 1 to ${Math.max(...decoded.map(({ step }) => step))}`;
  if (wrong.length > 0) return [`${steps}: ${wrong.length} of ${decoded.length} stages do not agree`];
  const worst = decoded.reduce((a, b) => (b.ofLimit > a.ofLimit ? b : a));
  return [
    `${steps}: ${decoded.length} stages agree; the closest to its limit is ${describe(worst)} with ${short(worst.rel)}`,
  ];
}

const VERDICTS = {
  agree: color.green('agree'),
  diverged: color.red('DIVERGED'),
  incomparable: color.yellow('incomparable'),
};

function row(stage: StageResult, at: string, hasLocal: boolean): string[] {
  const { layer, rms, floor, limit, local, verdict, reason, inherits } = stage;
  const rel = relOf(stage);
  const share = ofLimitOf(stage);
  const why = inherits ? ` from ${describe(inherits)}` : reason ? `: ${reason}` : '';
  return [
    layer === null ? '' : String(layer),
    stage.stage + at,
    rel === null ? '' : short(Number.isNaN(rel) ? rel : rms),
    rel === null ? '' : short(rel),
    floor === null ? '' : short(floor),
    showLimit(limit),
    share === null ? '' : times(share),
    ...(hasLocal ? [local === null ? '' : short(local)] : []),
    (inherits ? color.yellow('inherited') : VERDICTS[verdict]) + why,
  ];
}

function said({ generated, reference, candidate }: Report): string {
  if (!generated) return '';
  const same = sayTheSame(generated);
  const width = Math.max(12, reference.name.length + 1, candidate.name.length + 1);
  return [
    `${reference.name.padEnd(width)}says ${speech(generated.reference)}`,
    `${candidate.name.padEnd(width)}says ${speech(generated.candidate)}${same ? '' : color.red('  (other tokens)')}`,
  ].join('\n');
}

const token = (text: string | null | undefined, id: number): string =>
  text ? `${JSON.stringify(text)} (${id})` : String(id);

function logitsTable({ logits, top, reference, candidate }: Report): string {
  if (!logits || !top) return '';
  const table = new Table({
    head: ['next token', reference.name, '', candidate.name, ''],
    colAligns: ['right', 'left', 'right', 'left', 'right'],
    ...BORDERLESS,
  });
  logits.topK.reference.forEach((theirs, i) => {
    const ours = logits.topK.candidate[i];
    table.push([
      i + 1,
      token(top.reference[i], theirs.id),
      theirs.logit.toFixed(4),
      ours ? token(top.candidate[i], ours.id) : '',
      ours?.logit.toFixed(4) ?? '',
    ]);
  });
  return `${table.toString()}\nKL divergence of the next token: ${short(logits.klDivergence)} nats`;
}

function took({ timings }: Report): string {
  const said = timesSaid(timings);
  return said === '' ? '' : color.dim(said);
}
