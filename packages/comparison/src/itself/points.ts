import { STAGE_NAMES } from '@llama-probe/dump/stage';
import type { Held } from './hold.js';
import type { Differing } from './report.js';
import { turnedAs } from './rotation.js';
import type { Rows } from './rows.js';
import { columnsThatDiffer, isHiddenInOne, isShifted, seenIn } from './scores.js';
import { batchOf, firstBatch } from './way.js';
import { tokensText } from './words.js';

/** What a first difference is looked at with. */
export interface Look {
  readonly held: Held;
  readonly base: Rows;
  readonly heads: number | undefined;
  readonly limit: number;
}

type First = Pick<Differing, 'layer' | 'stage' | 'position'>;

const ATTENTION = ['q_rope', 'k_rope', 'kq', 'kq_soft_max', 'kqv_out'] as const;
/** What is turned in latent attention. */
const LATENT: ReadonlyMap<string, string> = new Map([
  ['q_rope', 'q_pe'],
  ['k_rope', 'k_pe'],
]);

/**
 * What the first stage that differs points to, in sentences. A heuristic: it names where such a bug is usually found, and nothing of it was tried.
 */
export function pointsTo(first: First, look: Look): string[] {
  const { held } = look;
  const end = firstBatch(held.way);
  const missing = notCaptured(first, held);
  if (end !== undefined && first.position < end)
    return [NOTHING_CACHED, ...(inFirst(first, look) ?? KERNELS), ...missing];
  return [...(stageText(first, look) ?? rowWise()), ...missing];
}

const NOTHING_CACHED =
  'This token is in the first batch, with nothing in the cache: what is computed of it depends on how many tokens are computed at once.';
const KERNELS = [
  'Look at the kernels for other batch sizes (another precision counts as well), at buffers that are sized for one of them, and at values that are left over from another row.',
];

/** Of a stage that depends on the other tokens of its batch, where there is nothing else. */
function inFirst(first: First, look: Look): string[] | undefined {
  if (first.stage === 'q_rope' || first.stage === 'k_rope') return rotation(first, look);
  return first.stage === 'kq_soft_max' ? mask(first, look) : undefined;
}

function stageText(first: First, look: Look): string[] | undefined {
  switch (first.stage) {
    case 'embd':
      return ['Look at which ids of the prompt a batch takes: those at its own offset, not the first ones again.'];
    case 'q_rope':
    case 'k_rope':
      return rotation(first, look);
    case 'kq':
      return scores(first, look);
    case 'kq_soft_max':
      return mask(first, look);
    case 'kqv':
    case 'kqv_out':
      return [
        'The weights of the values are the same, so it points to the V cache: where a batch writes its values, and which rows, in which layout and stride, are read back.',
      ];
    default:
      return undefined;
  }
}

/** Of a stage that is computed from its own token's row alone. */
const rowWise = (): string[] => [
  'It is computed from the row of its token alone: look at offsets of rows in the batch, at the kernels for this batch size, and at values that are left over from another row.',
];

function rotation(first: First, { held, base, heads }: Look): string[] {
  const { position, stage } = first;
  const what = stage === 'q_rope' ? 'the query' : 'the key';
  const turned = turnedAs(first, held.rows, base, heads);
  const look = 'Look at the position that a token of a later batch is given: it goes on from the length of the cache.';
  if (turned === undefined || turned === position) return [`It points to the rotation of ${what}. ${look}`];
  const begin = batchOf(held.way, position);
  const why =
    begin !== undefined && turned === position - begin
      ? begin === position
        ? ': positions start again in each batch, or a decoded token has none.'
        : ': positions start again in each batch.'
      : turned === 2 * position
        ? ': it is turned twice.'
        : `: ${Math.abs(turned - position) === 1 ? 'one place' : `${Math.abs(turned - position)} places`} off.`;
  return [`Its row is ${what} turned by position ${turned}, not ${position}${why}`, look];
}

function scores(first: First, look: Look): string[] {
  const { held, base } = look;
  const { position } = first;
  const begin = batchOf(held.way, position) ?? position;
  const place = { layer: first.layer, stage: 'kq' };
  const [ours, theirs] = [held.rows.at(place)?.rows.get(position), base.at(place)?.rows.get(position)];
  const read =
    'It points to the K cache: where a batch writes its keys, and which rows, in which layout and stride, are read back.';
  const columns = ours && theirs && columnsThatDiffer(ours, theirs, look, position);
  if (!columns || columns.length === 0) return [read];
  const hidden = columns.filter((column) => isHiddenInOne(ours, theirs, look, column));
  if (hidden.length === columns.length)
    return [
      `Its scores against ${tokensText(columns)} are hidden (NaN) in one of the two only. It points to the mask of a batch: it begins at the length of the cache, not at 0.`,
    ];
  const where = `Its scores against ${tokensText(columns)} differ, of ${position + 1}.`;
  if (isShifted(ours, theirs, look, position))
    return [where, `They are those against the token beside it. ${read} A slot is one place off.`];
  if (columns.length === 1 && position > 1)
    return [where, `${read} One slot alone holds another key: it was overwritten, or never written.`];
  const isCached = columns.every((column) => column < begin);
  if (isCached && columns.length === begin)
    return [
      where,
      `These are all keys of earlier batches, and those of its own are right. ${read} A key that is kept rotated is not to be turned again when it is read.`,
    ];
  if (isCached) return [where, `These are keys of earlier batches. ${read}`];
  return [where, read];
}

function mask(first: First, look: Look): string[] {
  const { held, base } = look;
  const { position } = first;
  const place = { layer: first.layer, stage: 'kq_soft_max' };
  const [ours, theirs] = [held.rows.at(place)?.rows.get(position), base.at(place)?.rows.get(position)];
  const seen = ours && theirs && seenIn(ours, theirs, look);
  const where = 'It points to the mask of a batch: it begins at the length of the cache, not at 0.';
  if (!seen) return [where];
  const [more, less] = [
    seen.ours.filter((column) => !seen.theirs.includes(column)),
    seen.theirs.filter((column) => !seen.ours.includes(column)),
  ];
  const { name } = held.way;
  const ahead = [...more, ...less].find((column) => column > position);
  const told = [
    ...(more.length > 0 ? [`In ${name} it sees ${tokensText(more)}, which it does not see in the prefill.`] : []),
    ...(less.length > 0 ? [`In ${name} it does not see ${tokensText(less)}, which it sees in the prefill.`] : []),
  ];
  if (ahead !== undefined) return [...told, `Token ${ahead} comes after it: no mask may show it. ${where}`];
  if (told.length > 0) return [...told, where];
  return [
    'It sees the same tokens, with other weights: look at the scale, the maximum and the sum of a row of this length, and at what a padded row has behind its end.',
  ];
}

/** What of the attention before it was not compared, in its layer: the difference may begin there. */
function notCaptured({ stage, layer }: First, { deltas }: Held): string[] {
  const there = new Set(deltas.filter((one) => one.layer === layer).map((one) => one.stage));
  const rank = STAGE_NAMES.indexOf(stage as (typeof STAGE_NAMES)[number]);
  if (layer === null || rank < 0) return [];
  const isThere = (name: string) => there.has(name) || there.has(LATENT.get(name) ?? name);
  const missing = ATTENTION.filter((name) => !isThere(name) && STAGE_NAMES.indexOf(name) < rank);
  if (missing.length === 0) return [];
  return [
    `${missing.join(', ')} of this layer ${missing.length === 1 ? 'was' : 'were'} not captured, and the difference may begin there: positions, the cache, the mask. Capture ${missing.length === 1 ? 'it' : 'them'} to tell.`,
  ];
}
