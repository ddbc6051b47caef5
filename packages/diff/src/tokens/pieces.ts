import type { AboutTokens, Lists, Recognised } from './lists.js';
import { cuts, type Part, SPECIAL, sameText, tokenInWords, tokensInWords } from './spelling.js';

const BYTE = /^<0x[0-9A-F]{2}>$/i;
const UNKNOWN = /^(<unk>|\[UNK\])$/;

/** An id that the vocabulary does not have. */
export function otherVocabulary({ candidate, about }: Lists): Recognised | undefined {
  const { size } = about;
  const at = size === undefined ? -1 : candidate.findIndex((id) => id < 0 || id >= size);
  if (at < 0) return undefined;
  const text = `The candidate has token ${candidate[at]} at position ${at}, and the vocabulary has the ids 0 to ${(size as number) - 1}: its ids are of another one. Look at which tokenizer it has loaded.`;
  return { id: 'tokens-other-vocabulary', text };
}

/** One side has a special token where the other spells its text. */
export function specialAsText(lists: Lists): Recognised | undefined {
  const { candidate, reference, at, about } = lists;
  const [ours, theirs] = [candidate[at], reference[at]];
  if (ours === undefined || theirs === undefined || isSpecial(ours, about) === isSpecial(theirs, about))
    return undefined;
  const part = spelled(lists);
  if (!part) return undefined;
  const [spells, special] = isSpecial(theirs, about) ? ['candidate', theirs] : ['reference', ours];
  const look = 'Look at whether its tokenizer parses special tokens (parse_special, allowed_special) in this text.';
  const text = `The ${spells} takes the special token ${tokenInWords(special, about)} for text: ${cuts(lists, part)}. ${look}`;
  return { id: 'tokens-special-as-text', text };
}

/** One side spells a character byte by byte, and the other has a token of it, or the unknown one. */
export function byteFallback(lists: Lists): Recognised | undefined {
  const { candidate, reference, at, about } = lists;
  const isByte = (id: number) => BYTE.test(about.piece?.(id) ?? '');
  const isUnknown = (id: number | undefined) => id !== undefined && UNKNOWN.test(about.piece?.(id) ?? '');
  const [ours, theirs] = [candidate[at], reference[at]];
  const look = 'Look at the byte fallback: tokens <0x00> to <0xFF> spell what the vocabulary has no piece for.';
  if (isUnknown(ours) !== isUnknown(theirs)) {
    const text = `At position ${at} the candidate has ${tokensInWords(candidate.slice(at, at + 1), about)}, the reference ${tokensInWords(reference.slice(at, at + 1), about)}: one of them does not know the text. ${look}`;
    return { id: 'tokens-byte-fallback', text };
  }
  const part = sameText(lists, { candidate: '', reference: '' });
  if (!part) return undefined;
  const [bytes, whole] = [candidate.slice(at, at + part.candidate), reference.slice(at, at + part.reference)];
  if (bytes.some(isByte) === whole.some(isByte)) return undefined;
  return {
    id: 'tokens-byte-fallback',
    text: `The same text is spelt in bytes on one side: ${cuts(lists, part)}. ${look}`,
  };
}

const isSpecial = (id: number, { isSpecial: told, piece }: AboutTokens): boolean =>
  told?.(id) ?? SPECIAL.test(piece?.(id) ?? 'text');

/** The same text, perhaps behind the space that SentencePiece puts in front of one. */
function spelled(lists: Lists): Part | undefined {
  const spaces = ['', ' '];
  for (const candidate of spaces)
    for (const reference of spaces) {
      const part = candidate && reference ? undefined : sameText(lists, { candidate, reference });
      if (part) return part;
    }
  return undefined;
}
