import { describe, type StageResult, showLimit } from '@llama-probe/diff';
import Table from 'cli-table3';
import { color } from './color.js';
import type { Generated, Report } from './report.js';

const SHOWN_TOKENS = 16;
const SHOWN_WRONG = 24; // stages of decode steps: about a layer

/** The report as text for a pipe or a terminal: stages, what was found, what both sides say, and the highest logits. */
export function textReport(report: Report): string {
  return [
    heading(report),
    stageTable(report.stages),
    conclusion(report),
    said(report),
    logitsTable(report),
    timings(report),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function heading({ model, tokens, reference, candidate }: Report): string {
  const shown = tokens.slice(0, SHOWN_TOKENS).join(' ') + (tokens.length > SHOWN_TOKENS ? ' …' : '');
  const about = [
    model.arch,
    model.quantization,
    model.layers && `${model.layers} layers`,
    model.bytes && megabytes(model.bytes),
  ];
  const mode = reference.why ? `${reference.mode}: ${reference.why}` : reference.mode;
  return [
    `model      ${model.file} (${about.filter(Boolean).join(', ')})`,
    `tokens     ${tokens.length}: ${shown}`,
    `reference  ${reference.name} ${reference.version}, ${mode}`,
    `candidate  ${candidate.name}, ${candidate.backend}, ${candidate.adapter}`,
    ...(reference.callbackChangesNothing === false
      ? ['warning    llama.cpp chose other tokens when it was watched']
      : []),
  ].join('\n');
}

/** One row per stage of the prompt, and the decode steps in a line; their wrong stages too where the prompt is right. */
function stageTable(stages: readonly StageResult[]): string {
  if (stages.length === 0) return '';
  const table = new Table({
    head: ['layer', 'stage', 'RMS delta', 'relative', 'max abs', 'limit', 'verdict'],
    colAligns: ['right', 'left', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
    chars: PLAIN,
  });
  const prompt = stages.filter(({ step }) => step === 0);
  const decoded = stages.filter(({ step }) => step > 0);
  const wrong = decoded.filter(({ verdict }) => verdict !== 'agree');
  for (const stage of prompt) table.push(row(stage, ''));
  if (prompt.every(({ verdict }) => verdict === 'agree')) {
    for (const stage of wrong.slice(0, SHOWN_WRONG)) table.push(row(stage, ` at step ${stage.step}`));
  }
  return [table.toString(), ...decodeSummary(decoded, wrong)].join('\n\n');
}

function decodeSummary(decoded: readonly StageResult[], wrong: readonly StageResult[]): string[] {
  if (decoded.length === 0) return [];
  const steps = `steps 1 to ${Math.max(...decoded.map(({ step }) => step))}`;
  if (wrong.length > 0) return [`${steps}: ${wrong.length} of ${decoded.length} stages do not agree`];
  const worst = decoded.reduce((a, b) => (b.rel > a.rel ? b : a));
  return [`${steps}: ${decoded.length} stages agree; the worst is ${describe(worst)} with ${short(worst.rel)}`];
}

const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' ',
};

const VERDICTS = {
  agree: color.green('agree'),
  diverged: color.red('DIVERGED'),
  incomparable: color.yellow('incomparable'),
};

function row(stage: StageResult, at: string): string[] {
  const { layer, rms, rel, maxAbs, limit, verdict, reason } = stage;
  return [
    layer === null ? '' : String(layer),
    stage.stage + at,
    short(rms),
    short(rel),
    short(maxAbs),
    showLimit(limit),
    VERDICTS[verdict] + (reason ? `: ${reason}` : ''),
  ];
}

const MARKS = {
  agree: color.green('✓ agree'),
  diverged: color.red('✗ diverged'),
  incomparable: color.yellow('? incomparable'),
};

function conclusion({ verdict, reason }: Report): string {
  return `${MARKS[verdict]}: ${reason}`;
}

function said({ generated, reference, candidate }: Report): string {
  if (!generated) return '';
  const same = generated.candidate.tokens.join() === generated.reference.tokens.join();
  return [
    `${reference.name.padEnd(12)}says ${speech(generated.reference)}`,
    `${candidate.name.padEnd(12)}says ${speech(generated.candidate)}${same ? '' : color.red('  (other tokens)')}`,
  ].join('\n');
}

const speech = ({ text, tokens }: Generated): string =>
  text === null ? `the tokens ${tokens.join(' ')}` : JSON.stringify(text);
const token = (text: string | null | undefined, id: number): string =>
  text ? `${JSON.stringify(text)} (${id})` : String(id);

function logitsTable({ logits, top, reference, candidate }: Report): string {
  if (!logits || !top) return '';
  const table = new Table({
    head: ['next token', reference.name, '', candidate.name, ''],
    colAligns: ['right', 'left', 'right', 'left', 'right'],
    style: { head: [], border: [], compact: true },
    chars: PLAIN,
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

function timings({ timings: { total } }: Report): string {
  return total === undefined ? '' : color.dim(`${(total / 1000).toFixed(1)} s`);
}

const short = (value: number): string => (value === 0 ? '0' : value.toExponential(1));
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
