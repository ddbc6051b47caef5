/** Some whole rows of a matrix. */
export interface Rows {
  readonly firstRow: number;
  readonly rows: number;
}

/** How many values a piece has: enough for a GPU and a pipe to be busy, few enough for a cache. */
const VALUES = 1 << 20;

/** A matrix in pieces of whole rows. @param most rows that a piece may have at most */
export function piecesOf(rows: number, columns: number, most = Number.POSITIVE_INFINITY): Rows[] {
  const atOnce = Math.max(1, Math.min(most, Math.floor(VALUES / columns)));
  return Array.from({ length: Math.ceil(rows / atOnce) }, (_, i) => {
    const firstRow = i * atOnce;
    return { firstRow, rows: Math.min(atOnce, rows - firstRow) };
  });
}

/**
 * What is loaded of each piece, in order, while the next one is loaded already.
 *
 * @example for await (const [rows, values] of loadedAhead(pieces, (rows) => read(rows))) …
 */
export async function* loadedAhead<P, T>(pieces: readonly P[], load: (piece: P) => Promise<T>): AsyncGenerator<[P, T]> {
  const begin = (index: number): Promise<T> | undefined => {
    const piece = pieces[index];
    const loading = piece === undefined ? undefined : load(piece);
    loading?.catch(() => {}); // whoever awaits it hears of it
    return loading;
  };
  let next = begin(0);
  for (const [index, piece] of pieces.entries()) {
    const loaded = await (next as Promise<T>);
    next = begin(index + 1);
    yield [piece, loaded];
  }
}

/**
 * Memory that is used again, in turns: what was taken before the last one is free again. To get and to clear it anew for each piece takes longer than
 * to compare it. With `loadedAhead` two are in use.
 */
export class Turns {
  private readonly memory: [ArrayBuffer, ArrayBuffer] = [new ArrayBuffer(0), new ArrayBuffer(0)];
  private next: 0 | 1 = 0;

  floats(count: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.take(count * 4), 0, count);
  }

  bytes(count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.take(count), 0, count);
  }

  private take(bytes: number): ArrayBuffer {
    const turn = this.next;
    this.next = turn === 0 ? 1 : 0;
    if (this.memory[turn].byteLength < bytes) this.memory[turn] = new ArrayBuffer(bytes);
    return this.memory[turn];
  }
}
