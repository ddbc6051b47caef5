/** What a token is in a text. */
export const TOKEN_CLASSES = ['word', 'continuation', 'digits', 'special'] as const;
export type TokenClass = (typeof TOKEN_CLASSES)[number];

const NORMAL = 1;
const BYTE = 6;

/**
 * By a GGUF file's own pieces: control, unknown, user-defined and unused tokens are special; `▁` (SentencePiece), `Ġ` and `Ċ` (byte-level BPE) and white space begin a word.
 *
 * @returns undefined where the file has no vocabulary
 * @example classOf(metadata)?.(15043) // 'word'
 */
export function classOf(metadata: Readonly<Record<string, unknown>>): ((token: number) => TokenClass) | undefined {
  const pieces = metadata['tokenizer.ggml.tokens'];
  const types = metadata['tokenizer.ggml.token_type'];
  if (!Array.isArray(pieces)) return undefined;
  const isTyped = Array.isArray(types) || ArrayBuffer.isView(types);
  return (token) => {
    const type = isTyped ? Number((types as ArrayLike<unknown>)[token] ?? NORMAL) : NORMAL;
    if (type !== NORMAL && type !== BYTE) return 'special';
    const piece = String(pieces[token] ?? '');
    if (/^[▁Ġ\s]*\d+$/u.test(piece)) return 'digits';
    return /^[▁ĠĊ\s]/u.test(piece) ? 'word' : 'continuation';
  };
}

/** How a token is spelt, for people. */
export function pieceOf(metadata: Readonly<Record<string, unknown>>): (token: number) => string | null {
  const pieces = metadata['tokenizer.ggml.tokens'];
  return (token) => {
    const piece = Array.isArray(pieces) ? (pieces[token] as unknown) : undefined;
    return typeof piece === 'string' ? piece.replace(/[▁Ġ]/gu, ' ').replace(/Ċ/gu, '\n') : null;
  };
}
