/** Where a token stands in a text, in bytes: from the first to behind the last. */
export interface Offsets {
  readonly from: number;
  readonly to: number;
}

const SPACE = 0x20;
const isSpace = (byte: number | undefined): boolean =>
  byte === SPACE || byte === 0x0a || byte === 0x09 || byte === 0x0d;

/**
 * Where each token stands in the text, told by its bytes. A space that the tokeniser puts in front of a text is nowhere in it; a special token may take
 * the spaces around it with it.
 *
 * @param isAdded of tokens that were put around the text: they are of no length
 * @returns undefined for tokens from where their bytes are not those of the text: it was normalised before it was cut
 */
export function offsetsIn(
  text: string,
  tokens: readonly { readonly bytes: Uint8Array; readonly isAdded: boolean }[],
): readonly (Offsets | undefined)[] {
  const bytes = new TextEncoder().encode(text);
  let at: number | undefined = 0;
  return tokens.map((token) => {
    if (at === undefined) return undefined;
    const found: Offsets | undefined = token.isAdded ? { from: at, to: at } : placeOf(token.bytes, bytes, at);
    at = found?.to;
    return found;
  });
}

/** At a place, without the space in front of it, or behind the spaces there. */
function placeOf(token: Uint8Array, text: Uint8Array, at: number): Offsets | undefined {
  if (startsWith(text, token, at)) return { from: at, to: at + token.length };
  if (token[0] === SPACE && startsWith(text, token.subarray(1), at)) return { from: at, to: at + token.length - 1 };
  let from = at;
  while (isSpace(text[from])) from++;
  return from > at && startsWith(text, token, from) ? { from, to: from + token.length } : undefined;
}

const startsWith = (text: Uint8Array, part: Uint8Array, at: number): boolean =>
  at + part.length <= text.length && part.every((byte, i) => text[at + i] === byte);
