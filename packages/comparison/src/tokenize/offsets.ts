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
  let isFirst = true;
  return tokens.map((token) => {
    if (at === undefined) return undefined;
    if (token.isAdded) return { from: at, to: at };
    const from = placeOf(token.bytes, bytes, at);
    const isPrefixed = from === undefined && (isFirst || at > 0) && token.bytes[0] === SPACE;
    const found: Offsets | undefined =
      from !== undefined
        ? { from, to: from + token.bytes.length }
        : isPrefixed && startsWith(bytes, token.bytes.subarray(1), at)
          ? { from: at, to: at + token.bytes.length - 1 }
          : undefined;
    isFirst = false;
    at = found?.to;
    return found;
  });
}

/** From `at` on, or behind the spaces there. */
function placeOf(token: Uint8Array, text: Uint8Array, at: number): number | undefined {
  for (let from = at; ; from++) {
    if (startsWith(text, token, from)) return from;
    if (!isSpace(text[from])) return undefined;
  }
}

const startsWith = (text: Uint8Array, part: Uint8Array, at: number): boolean =>
  at + part.length <= text.length && part.every((byte, i) => text[at + i] === byte);
