import { readFileSync, writeFileSync } from 'node:fs';

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Copies some arrays of a file, under other names if need be. @param rename undefined for an array that is left out */
export function copyArrays(from: string, to: string, rename: (name: string) => string | undefined): void {
  const bytes = readFileSync(from);
  const begin = 8 + Number(bytes.readBigUInt64LE());
  const entries = Object.entries(JSON.parse(bytes.subarray(8, begin).toString()) as Record<string, Entry>);
  let end = 0;
  const header: Record<string, Entry> = {};
  const values = entries.flatMap(
    ([
      name,
      {
        data_offsets: [first, last],
        ...entry
      },
    ]) => {
      const renamed = rename(name);
      if (renamed === undefined) return [];
      header[renamed] = { ...entry, data_offsets: [end, end + last - first] };
      end += last - first;
      return [bytes.subarray(begin + first, begin + last)];
    },
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(to, Buffer.concat([length, text, ...values]));
}
