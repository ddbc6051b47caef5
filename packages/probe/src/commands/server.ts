import { runServer, type ServerCause, type ServerReport } from '@llama-probe/comparison';
import { BORDERLESS, seconds, tameAll, verdictLine } from '@llama-probe/report';
import Table from 'cli-table3';

export { runServer, type ServerReport };

const AROUND = 12; // positions that are shown: from a few before the first that departs
const BEFORE = 3;
const CONTEXT = 60; // characters

/** The same as text. */
export function serverText(raw: ServerReport): string {
  const report = tameAll(raw);
  const { first, causes, pointsTo, notes, next, milliseconds } = report;
  return [
    heading(report),
    notes.map((note) => `- ${note}`).join('\n'),
    positionsText(report),
    first ? departing(first) : '',
    verdictLine(report),
    causes.map(causeText).join('\n'),
    first && causes.length === 0 ? 'cause: unknown' : '',
    pointsTo.map((line) => `points to: ${line}`).join('\n'),
    next.length > 0 ? `next, once your engine writes its stages:\n${next.map((line) => `  ${line}`).join('\n')}` : '',
    seconds(milliseconds),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const WAYS = {
  echo: 'the prompt in one answer',
  steps: 'one request for each prefix of the prompt',
  chat: 'what it decodes only',
};
const SENT = { ids: 'token ids', text: 'text', chat: 'a message' };

function heading({
  model,
  candidate,
  reference,
  asked,
  tokens,
  prompt,
  floor,
  limits,
  statistics,
  notCompared,
}: ServerReport): string {
  const { endpoint, way, top, returned, tokensAs, decimals, isBf16, requests } = asked;
  const count = returned.fewest === returned.most ? `${returned.most}` : `${returned.fewest} to ${returned.most}`;
  const digits = isBf16 ? ', written in bf16' : decimals === null ? '' : `, ${decimals} decimals`;
  const measured = floor.maxKl === null ? '' : `: mean ${nats(floor.meanKl)}, at most ${nats(floor.maxKl)}`;
  const unresolved =
    notCompared.unresolved > 0 ? `; ${notCompared.unresolved} could be several tokens, and count as the rest` : '';
  return Object.entries({
    model: model.file,
    server: [candidate.address, candidate.model].filter(Boolean).join(', '),
    reference: [reference.name, reference.version, reference.mode].filter(Boolean).join(', '),
    asked: `${endpoint} with ${SENT[asked.prompt]}: ${WAYS[way]}; ${requests} requests`,
    answered: `${count} likely tokens of ${top}, by ${tokensAs === 'ids' ? 'their ids' : `their ${tokensAs}`}${digits}: ${percent(statistics.covered)} of the probability${unresolved}`,
    tokens: `${prompt} of the prompt, ${tokens.length - prompt} decoded by the server`,
    floor: floor.method + measured,
    limit: `${nats(limits.position)} at a position, ${nats(limits.mean)} for the mean`,
    KLD: `mean ${nats(statistics.meanKl)}, largest ${nats(statistics.maxKl)}; same top p ${percent(statistics.sameTop)}`,
  })
    .map(([label, value]) => `${label.padEnd(11)}${value}`)
    .join('\n');
}

const nats = (kl: number | null): string => (kl === null ? '-' : kl.toExponential(1));
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const quoted = ({ id, text }: { id: number; text: string | null }): string =>
  text === null ? `${id}` : JSON.stringify(text);

function positionsText({ positions, first, verdict }: ServerReport): string {
  if (verdict === 'agree' || positions.length === 0) return '';
  const at = first === null ? 0 : positions.findIndex(({ position }) => position === first.position);
  const from = Math.max(0, at - BEFORE);
  const table = new Table({
    head: ['position', 'token', 'from', 'KLD', 'of limit', 'same top', ''],
    colAligns: ['right', 'left', 'left', 'right', 'right', 'left', 'left'],
    ...BORDERLESS,
  });
  for (const { position, token, from: side, kl, limit, isSameTop } of positions.slice(from, from + AROUND))
    table.push([
      position,
      quoted(token),
      side,
      nats(kl),
      `${(kl / limit).toPrecision(2)} ×`,
      isSameTop === null ? '?' : isSameTop ? 'yes' : 'no',
      kl > limit ? 'DIVERGED' : 'agree',
    ]);
  const more = positions.length - from - AROUND;
  return more > 0 ? `${table}\n … and ${more} more` : table.toString();
}

function departing({ position, context, top, asPrompt }: NonNullable<ServerReport['first']>): string {
  const end = context.length > CONTEXT ? `…${context.slice(-CONTEXT)}` : context;
  const likely = (all: typeof top.reference) =>
    all.map((one) => `${quoted(one)} ${percent(one.probability)}`).join(', ');
  return [
    `after token ${position}, ${JSON.stringify(end)}:`,
    `  reference  ${likely(top.reference)}`,
    `  server     ${likely(top.candidate)}`,
    ...(asPrompt
      ? [
          `  the same tokens asked as a prompt: ${asPrompt.agrees ? 'it agrees' : 'it does not agree either'} (${nats(asPrompt.kl)})`,
        ]
      : []),
  ].join('\n');
}

const causeText = ({ title, kl, before, positions, look }: ServerCause): string =>
  `cause: ${title}: with that, right numbers differ from the server's by a KL divergence of ${nats(kl.mean)} in the mean and ${nats(kl.max)} at most over ${positions} positions; without it by ${nats(before.mean)} and ${nats(before.max)}. Where to look: ${look}`;
