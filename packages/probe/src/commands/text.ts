import { runText, type TextReport, type WorstPosition, windowName } from '@llama-probe/comparison';
import {
  BORDERLESS,
  culpritsText,
  faultsText,
  headlineLine,
  tameAll,
  timesSaid,
  verdictLine,
} from '@llama-probe/report';
import Table from 'cli-table3';

export { runText, type TextReport };

const SHOWN = 8; // of the worst windows, and of positions

type Estimate = TextReport['statistics']['sameTop'];
type Group = TextReport['windows'][number] | TextReport['positions'][number] | TextReport['classes'][number];

/** The same as text. */
export function textOfText(raw: TextReport): string {
  const report = tameAll(raw);
  const { source, windows } = report;
  const prompts = source.kind === 'prompts';
  const shownWindows = windows.toSorted((a, b) => (b.maxKl ?? -1) - (a.maxKl ?? -1)).slice(0, SHOWN);
  const of = windows.length > SHOWN ? `, the worst ${SHOWN} of ${windows.length}` : '';
  return [
    heading(report),
    statisticsText(report.statistics),
    groups('position', report.positions, ({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)),
    groups('before', report.classes, (one) => CLASSES[one.class]),
    windows.length > 1
      ? groups(`${prompts ? 'prompt' : 'window'}${of}`, shownWindows, ({ window, dump }) =>
          [window + 1, dump].filter(Boolean).join(' '),
        )
      : '',
    worstText(report),
    verdictLine(report),
    ...report.stages.map(({ window, position, report: stages }) =>
      [
        `the stages up to position ${position} of ${windowName(source.kind, window, windows[window]?.dump)}:`,
        headlineLine(stages),
        culpritsText(stages),
        faultsText(stages),
      ]
        .filter((part) => part !== '')
        .join('\n'),
    ),
    timesSaid(report.timings),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const CLASSES = {
  word: 'a word',
  continuation: 'the rest of a word',
  digits: 'digits',
  special: 'a special token',
} as const;

function heading({ model, candidate, reference, source, windows, floor, limits }: TextReport): string {
  const who = (...parts: readonly (string | undefined)[]) => parts.filter(Boolean).join(', ');
  const { kind, tokens, window, stride, leftOut } = source;
  const cut =
    kind === 'prompts'
      ? `${windows.length} ${windows.length === 1 ? 'prompt' : 'prompts'}`
      : `${windows.length} ${windows.length === 1 ? 'window' : 'windows'} of ${window}${stride === null ? ', the second half of each is scored' : `, one every ${stride}`}`;
  const rest = leftOut > 0 ? `; ${leftOut} tokens at the end are in none` : '';
  const measured = floor.maxKl === null ? '' : `: mean ${nats(floor.meanKl)}, at most ${nats(floor.maxKl)}`;
  return Object.entries({
    model: model.file,
    candidate: who(candidate.name, candidate.version, candidate.backend, candidate.injected?.join(' and ')),
    reference: who(reference.name, reference.version, reference.mode),
    [kind]: `${source.file}: ${tokens} tokens, ${cut}${rest}`,
    floor: floor.method + measured,
    limit: `${nats(limits.position)} at a position, ${nats(limits.mean)} for the mean`,
  })
    .map(([label, value]) => `${label.padEnd(11)}${value}`)
    .join('\n');
}

const nats = (kl: number | null): string =>
  kl === null ? '-' : Number.isFinite(kl) ? kl.toExponential(1) : 'not finite';
const percent = (share: number | null): string => (share === null ? '-' : `${(100 * share).toFixed(2)} %`);
const plusMinus = ({ value, uncertainty }: Estimate, digits: number, factor = 1): string =>
  `${(factor * value).toFixed(digits)} ± ${(factor * uncertainty).toFixed(digits)}`;

/** As llama.cpp's tool prints them. */
function statisticsText({
  perplexity,
  kl,
  deltaP,
  sameTop,
  rank,
  positions,
  notFinite,
}: TextReport['statistics']): string {
  if (positions === 0) return '';
  const rows: [string, string][] = [
    ...(perplexity
      ? ([
          ['PPL(candidate)', plusMinus(perplexity.candidate, 4)],
          ['PPL(reference)', plusMinus(perplexity.reference, 4)],
          ['ln(PPL ratio)', plusMinus(perplexity.logRatio, 6)],
        ] as [string, string][])
      : []),
    ['mean KLD', `${nats(kl.mean.value)} ± ${nats(kl.mean.uncertainty)}`],
    [
      'KLD',
      `max ${nats(kl.max)}, 99.9 % ${nats(kl.p999)}, 99 % ${nats(kl.p99)}, 90 % ${nats(kl.p90)}, median ${nats(kl.median)}`,
    ],
    ...(deltaP
      ? ([
          ['mean Δp', `${plusMinus(deltaP.mean, 4, 100)} %`],
          ['RMS Δp', `${plusMinus(deltaP.rms, 4, 100)} %; from ${percent(deltaP.min)} to ${percent(deltaP.max)}`],
        ] as [string, string][])
      : []),
    ['same top p', `${plusMinus(sameTop, 3, 100)} %`],
    [
      'rank',
      `the reference's choice has at most ${rank.max} others before it in the candidate, 0 is the top; mean ${rank.mean.toFixed(3)}`,
    ],
    ...(notFinite > 0 ? ([['not finite', `${notFinite} positions of the candidate`]] as [string, string][]) : []),
  ];
  return [`${positions} positions:`, ...rows.map(([label, value]) => `  ${label.padEnd(16)}${value}`)].join('\n');
}

function groups<One extends Group>(what: string, all: readonly One[], name: (one: One) => string): string {
  if (all.length < 2) return '';
  const table = new Table({
    head: [what, 'positions', 'mean KLD', 'max KLD', 'same top', 'PPL reference', 'PPL candidate'],
    colAligns: ['right', 'right', 'right', 'right', 'right', 'right', 'right'],
    ...BORDERLESS,
  });
  for (const one of all) {
    const { positions, notFinite, meanKl, maxKl, sameTop, perplexity } = one;
    const max = notFinite > 0 ? 'not finite' : nats(maxKl);
    const ppl = perplexity ? [perplexity.reference, perplexity.candidate].map((value) => value.toFixed(3)) : ['-', '-'];
    table.push([name(one), positions, nats(meanKl), max, percent(sameTop), ...ppl]);
  }
  return table.toString();
}

function worstText({ worst, source, windows, verdict }: TextReport): string {
  if (worst.length === 0 || verdict === 'agree') return '';
  const lines = worst.slice(0, SHOWN).map((one) => {
    const where = windows.length > 1 ? ` of ${windowName(source.kind, one.window, windows[one.window]?.dump)}` : '';
    return `  position ${one.position}${where}: KLD ${nats(one.kl)}, ${said(one)}`;
  });
  return ['the worst position of each:', ...lines].join('\n');
}

function said({ token, next, choice, rank, probability }: WorstPosition): string {
  const quoted = ({ id, text }: WorstPosition['token']) => (text === null ? `${id}` : JSON.stringify(text));
  const follows =
    next && probability
      ? `; ${quoted(next)} follows, ${percent(probability.reference)} and ${percent(probability.candidate)} probable`
      : '';
  return `after ${quoted(token)} the reference says ${quoted(choice.reference)}, the candidate ${quoted(choice.candidate)} (rank ${rank})${follows}`;
}
