import type { GgufFile } from '@llama-probe/engine';
import type { Vocabulary } from '@llama-probe/reference';
import type { TextLimits } from '../text/limits.js';
import type { Asked } from './asking.js';
import type { Client } from './client.js';
import { limitAt, type Measured, measure, positionsOf, probable, spelling as spellingOf } from './measure.js';
import { nextSteps, pointsTo } from './next.js';
import type { ServerOptions } from './options.js';
import { type FirstDeparting, type ServerReport, verdictOf } from './report.js';
import type { Right } from './right.js';
import { heldTo, sparseLogP, writtenAs } from './sparse.js';

const TOP = 5; // likely tokens that are shown of each side

/** A server that was asked, and what it is held to. */
export interface Judging {
  readonly file: GgufFile;
  readonly vocabulary: Vocabulary;
  readonly client: Client;
  readonly options: ServerOptions;
  readonly asked: Asked;
  readonly right: Right;
  readonly tokens: readonly number[];
  readonly prompt: number;
  readonly model: string | undefined;
}

/** All that is said, but how long it took. */
export async function reportOf(found: Judging): Promise<Omit<ServerReport, 'milliseconds'>> {
  const { file, client, asked, right, tokens, prompt, model } = found;
  const { top } = asked;
  const written = writtenAs(asked.rows.values());
  const measured = measure(asked.rows, right.row, written);
  const { floor, limits } = await right.floor();
  const spell = spellingOf(file.metadata);
  const positions = positionsOf(measured, limits, { tokens, prompt, spell });
  const over = measured.filter((one) => one.kl > limitAt(one, limits));
  const kls = measured.map(({ kl }) => kl);
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / Math.max(1, values.length);
  const returned = [...asked.rows.values()].map(({ ids, unresolved }) => ids.length + unresolved);
  const causes = measured.length === 0 ? [] : await right.causes(measured, limits);
  const first = over[0] ? await firstOf(over[0], found, positions, limits) : null;
  const about = {
    endpoint: asked.form.path,
    prompt: asked.form.prompt,
    way: asked.way,
    tokensAs: asked.tokensAs,
    temperature: asked.temperature,
    top,
    returned: { fewest: Math.min(...returned, top), most: Math.max(...returned, 0) },
    ...written,
    requests: client.requests,
    promptTokens: { sent: prompt, ran: asked.promptTokens },
    tried: asked.tried,
  };
  const judged = {
    asked: about,
    tokens,
    statistics: {
      positions: measured.length,
      meanKl: mean(kls),
      meanKlUnrounded: mean(measured.map(({ kl, rounding }) => Math.max(0, kl - rounding))),
      maxKl: Math.max(0, ...kls),
      sameTop: mean(measured.flatMap(({ isSameTop }) => (isSameTop === null ? [] : [Number(isSameTop)]))),
      covered: mean(measured.map(({ covered }) => covered.reference)),
    },
    limits,
    positions,
    over: over.length,
    first,
    causes,
    notCompared: {
      missing: asked.missing + asked.rows.size - measured.length,
      unresolved: [...asked.rows.values()].reduce((sum, { unresolved }) => sum + unresolved, 0),
    },
  };
  const { verdict, reason } = verdictOf(judged);
  const told = { ...judged, prompt, file: file.path };
  return {
    schema: 1,
    verdict,
    reason,
    model: { file: file.path, arch: String(file.metadata['general.architecture'] ?? 'unknown') },
    reference: right.about,
    candidate: { address: client.address, model: model ?? null },
    prompt,
    floor,
    ...judged,
    pointsTo: pointsTo(told),
    notes: notesOf(found, verdict, about),
    next: nextSteps(told),
  };
}

/** The first position that departs, as it is told; what the server has decoded is asked once more as a prompt. */
async function firstOf(
  one: Measured,
  { vocabulary, asked, right, tokens, file }: Judging,
  positions: ServerReport['positions'],
  limits: TextLimits,
): Promise<FirstDeparting> {
  const { position } = one;
  const prefix = tokens.slice(0, position + 1);
  const spell = spellingOf(file.metadata);
  const told = positions.find((other) => other.position === position) as ServerReport['positions'][number];
  const row = right.row(position);
  const again = told.from === 'decoded' ? await asked.again(prefix) : undefined;
  const held = again && row && heldTo(again, row.logP);
  return {
    ...told,
    context: await vocabulary.detokenize(prefix),
    top: {
      reference: row ? probable(row.ids, row.logP, spell, TOP) : [],
      candidate: probable(one.row.ids, sparseLogP(one.row), spell, TOP),
    },
    asPrompt: held ? { kl: held.kl, agrees: held.kl <= limitAt(one, limits) } : null,
  };
}

function notesOf(
  { asked, client, options, prompt: length }: Judging,
  verdict: ServerReport['verdict'],
  { prompt, promptTokens }: ServerReport['asked'],
): readonly string[] {
  const { sent, ran } = promptTokens;
  return [
    ...(prompt === 'ids'
      ? []
      : [
          `The server takes no token ids as they are sent here: it was sent ${prompt === 'chat' ? 'a message, which it puts through its own chat template' : 'text that llama.cpp makes these tokens of'}${ran === null ? ', and it does not say how many tokens it made of it' : `, and says that it made ${ran} tokens of it (llama.cpp: ${sent})`}.`,
        ]),
    ...(options.last !== undefined && options.last < length
      ? [
          `Of the prompt's ${length} tokens only what follows the last ${options.last} was asked for: what is apart may begin before.`,
        ]
      : []),
    ...(asked.way === 'chat' ? ['Of a chat only what the server decodes can be compared.'] : []),
    ...(asked.temperature === 0
      ? []
      : [`Asked at temperature ${asked.temperature}: at 0 the server puts all probability on one token.`]),
    ...(verdict === 'agree' && (options.precision ?? 'auto') === 'auto'
      ? [
          'What a server computes in does not show in its answers: it may differ as much as an engine in bf16 does, and a small error is not seen. --precision f32, or f16, holds it to less.',
        ]
      : []),
    ...(client.isInTheOpen ? ['The key was sent over http, which is not encrypted, to another machine.'] : []),
  ];
}
