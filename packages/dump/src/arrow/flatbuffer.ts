/**
 * What a field of a flatbuffer's table holds. Numbers are sizes in bytes: of a scalar, or of what a vector has side by side.
 */
export type Field =
  | { readonly scalar: number }
  | { readonly vectorOf: number }
  | { readonly table: () => Table }
  | { readonly vectorOfTables: () => Table }
  /** Which table it is says the field before it. */
  | { readonly union: Readonly<Record<number, Table>> };

/** The fields of a table, in the order of their ids. */
export type Table = readonly Field[];

/** Text is a vector of bytes. */
export const STRING: Field = { vectorOf: 1 };

const DEEPEST = 64; // as other verifiers have it; a schema of ours is four deep

/**
 * Checks that everything that a reader could follow in a flatbuffer lies inside it: each table, each vector with as many entries as it
 * claims. A reader takes a claim of 2³¹ entries at its word, and looks at each of them.
 *
 * Source: flatbuffers' docs/source/internals.md. Offsets to tables may be shared or go back; more tables than bytes are a circle, or a tree
 * that grows with each turn.
 *
 * @throws RangeError saying what lies outside
 */
export function checkFlatbuffer(bytes: Uint8Array, root: Table): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let tables = 0;

  const need = (what: string, at: number, length: number): number => {
    if (at >= 0 && at + length <= bytes.length) return at;
    throw new RangeError(`${what} is to be at ${at} to ${at + length} of ${bytes.length} bytes`);
  };
  const follow = (what: string, at: number): number => at + view.getInt32(need(what, at, 4), true);
  const vector = (at: number, size: number): { begin: number; count: number } => {
    const start = need('a vector', follow("a vector's offset", at), 4);
    const count = view.getInt32(start, true);
    if (count < 0 || start + 4 + count * size > bytes.length) {
      throw new RangeError(`a vector claims ${count >>> 0} entries, and ${bytes.length} bytes cannot hold them`);
    }
    return { begin: start + 4, count };
  };

  const checkTable = (at: number, fields: Table, depth: number): void => {
    need('a table', at, 4);
    if (++tables > bytes.length || depth > DEEPEST) throw new RangeError('its tables never end');
    const places = at - view.getInt32(at, true);
    const size = view.getInt16(need('the places of a table', places, 4), true);
    need('the places of a table', places, size);
    /** Where a field is; 0 if the table does not have it. */
    const find = (id: number): number => {
      const entry = 4 + id * 2;
      const offset = entry < size ? view.getInt16(need('a place', places + entry, 2), true) : 0;
      return offset === 0 ? 0 : need('a field', at + offset, 1);
    };
    fields.forEach((field, id) => {
      const place = find(id);
      if (place === 0) return;
      if ('scalar' in field) need('a number', place, field.scalar);
      else if ('vectorOf' in field) vector(place, field.vectorOf);
      else if ('table' in field) checkTable(follow('a table', place), field.table(), depth + 1);
      else if ('union' in field) {
        const kind = find(id - 1);
        const table = field.union[kind === 0 ? 0 : view.getUint8(kind)];
        if (table) checkTable(follow('a table', place), table, depth + 1);
      } else {
        const { begin, count } = vector(place, 4);
        for (let i = 0; i < count; i++) checkTable(follow('a table', begin + i * 4), field.vectorOfTables(), depth + 1);
      }
    });
  };
  checkTable(follow('the first table', 0), root, 0);
}
