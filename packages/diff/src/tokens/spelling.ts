import type { AboutTokens, Lists, Recognised } from './lists.js';

/** A piece of a vocabulary that is no text. Bytes, such as <0x0A>, are. */
export const SPECIAL = /^(<(?!0x)\S+>|\[[A-Z_]+\])?$/;

const SHOWN = 4; // tokens

/** Both sides spell the same text, but one of them has a space in front of it. */
export function leadingSpace(lists: Lists): Recognised | undefined {
  if (!isStartOfText(lists)) return undefined;
  const trims = sameText(lists, { candidate: ' ', reference: '' });
  const adds = trims ? undefined : sameText(lists, { candidate: '', reference: ' ' });
  const part = trims ?? adds;
  if (!part) return undefined;
  const has = trims ? 'lacks' : 'has';
  const other = trims ? 'has' : 'lacks';
  const where = lists.at > 1 ? ' after a special token' : '';
  const text = `The candidate ${has} the space in front of the text${where} that the reference ${other}: ${cuts(lists, part)}. Look at tokenizer.ggml.add_space_prefix, and at whether the prompt is trimmed.`;
  return { id: 'tokens-leading-space', text };
}

/** Both sides spell the same text, in other pieces. */
export function otherCut(lists: Lists): Recognised | undefined {
  const part = sameText(lists, { candidate: '', reference: '' });
  if (!part) return undefined;
  const text = `The same text is cut differently: from position ${lists.at} ${cuts(lists, part)}. Look at the pre-tokenizer (tokenizer.ggml.pre) and the order of the merges.`;
  return { id: 'tokens-other-pre-tokenizer', text };
}

/** Nothing is before it but BOS or another special token. */
function isStartOfText({ reference, at, about: { bos, piece } }: Lists): boolean {
  const before = reference[at - 1];
  if (before === undefined || before === bos) return true;
  const text = piece?.(before);
  return text !== undefined && SPECIAL.test(text);
}

export interface Part {
  readonly candidate: number;
  readonly reference: number;
}

/**
 * How many tokens from the first difference on spell the same text on both sides, at least one of each; undefined where they do not.
 *
 * @param lead what is put in front of each side's text
 */
export function sameText(
  { candidate, reference, at, about }: Lists,
  lead: Record<keyof Part, string>,
): Part | undefined {
  let [a, b] = [lead.candidate, lead.reference];
  let [i, j] = [0, 0];
  const hasText = () => a.length > lead.candidate.length && b.length > lead.reference.length;
  while (a !== b || !hasText()) {
    if (!a.startsWith(b) && !b.startsWith(a)) return undefined;
    const ours = a.length < b.length || (a === b && a.length === lead.candidate.length);
    const next = plain(ours ? candidate[at + i++] : reference[at + j++], about);
    if (next === undefined) return undefined;
    if (ours) a += next;
    else b += next;
  }
  return { candidate: i, reference: j };
}

/** The text of a token, with its spaces as spaces. */
function plain(id: number | undefined, { piece, bytes }: AboutTokens): string | undefined {
  if (bytes) return id === undefined ? undefined : bytes(id);
  return id === undefined ? undefined : piece?.(id)?.replace(/[▁Ġ]/g, ' ');
}

export function cuts({ candidate, reference, at, about }: Lists, part: Part): string {
  const ours = tokensInWords(candidate.slice(at, at + part.candidate), about);
  return `the candidate has ${ours}, the reference ${tokensInWords(reference.slice(at, at + part.reference), about)}`;
}

/** @example tokenInWords(15043, { piece }) === '15043 ("▁Hello")' */
export function tokenInWords(id: number, { piece }: AboutTokens): string {
  const text = piece?.(id);
  return text ? `${id} (${JSON.stringify(text)})` : String(id);
}

/** The first of them. @example tokensInWords([], {}) === 'nothing' */
export function tokensInWords(ids: readonly number[], about: AboutTokens): string {
  if (ids.length === 0) return 'nothing';
  const shown = ids.slice(0, SHOWN).map((id) => tokenInWords(id, about));
  if (ids.length > SHOWN) shown.push(`${ids.length - SHOWN} more`);
  return shown.join(', ');
}
