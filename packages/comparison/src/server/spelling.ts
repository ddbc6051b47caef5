import type { Piece } from '@llama-probe/reference';
import type { Named } from './answer.js';

export interface Pieces {
  readonly pieces: readonly Piece[];
  /** Of each id how the model's file spells it. */
  readonly raw: readonly string[];
}

/**
 * Which id a server means by a token. Spellings are ids only where no other token could be meant: a server may leave out the space in front of a word.
 */
export class Spelling {
  private readonly byBytes = new Map<string, number[]>();
  private readonly byRaw = new Map<string, number>();
  /** Whether spaces in front are known to be written. */
  private keepsSpaces = false;

  constructor(private readonly vocabulary: Pieces) {
    // A byte that is a piece too is always written as that.
    const bytesLast = [...vocabulary.pieces.entries()].sort(([, a], [, b]) => Number(isByte(a)) - Number(isByte(b)));
    for (const [id, piece] of bytesLast) {
      const same = this.byBytes.get(piece.bytes);
      if (piece.bytes === '' || (same && isByte(piece))) continue;
      if (same) same.push(id);
      else this.byBytes.set(piece.bytes, [id]);
    }
    for (const [id, raw] of vocabulary.raw.entries()) this.byRaw.set(raw, id);
  }

  /** Tokens of the server, all that there are: where one of them begins with a space, it writes them. */
  learn(names: Iterable<Named>): void {
    for (const { text } of names) if (/^[ ▁Ġ]/u.test(text)) this.keepsSpaces = true;
  }

  /** @returns undefined where it is none, or could be several */
  idOf({ id, bytes, text }: Named): number | undefined {
    if (id !== undefined) return id < this.vocabulary.pieces.length ? id : undefined;
    if (bytes !== undefined) return this.only(bytes);
    if (text === '' || text.includes('\ufffd')) return undefined;
    const hex = Buffer.from(text).toString('hex');
    const found = this.only(hex);
    if (found === undefined) return this.byBytes.has(hex) ? undefined : this.byRaw.get(text);
    return this.keepsSpaces || !this.byBytes.has(`20${hex}`) ? found : undefined;
  }

  private only(hex: string): number | undefined {
    const ids = this.byBytes.get(hex);
    return ids?.length === 1 ? ids[0] : undefined;
  }
}

const isByte = ({ kind }: Piece): boolean => kind === 'byte';
