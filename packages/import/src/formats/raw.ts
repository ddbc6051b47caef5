import { basename } from 'node:path';
import type { Source } from '../array.js';
import { unsupported } from '../errors.js';
import { PieceFile } from '../file.js';

/**
 * A file of float32 and nothing else: the logits of every token, or of the last one where they do not divide by the tokens, or are as many as one row has.
 *
 * @param tokens how many were run @param vocabulary how many logits a row has, where that is known
 */
export async function openRaw(path: string, tokens: number | undefined, vocabulary?: number): Promise<Source> {
  const file = await PieceFile.open(path);
  const count = file.bytes / 4;
  if (file.bytes === 0 || !Number.isInteger(count)) {
    await file.close();
    const what = `has ${file.bytes} bytes, and float32 values have 4 each`;
    throw unsupported(path, what, 'Describe it with a JSON manifest (docs/formats.md), or save it as .npy.');
  }
  const isAll = tokens !== undefined && count % tokens === 0 && count !== vocabulary;
  return {
    format: 'float32 values without a header',
    isUnnamed: true,
    path,
    bytes: file.bytes,
    arrays: [
      {
        name: basename(path).replace(/\.\w+$/, ''),
        dtype: 'F32',
        shape: isAll ? [tokens, count / tokens] : [count],
        read: () => file.read(0, file.bytes),
        at: { path, offset: 0 },
      },
    ],
    close: () => file.close(),
  };
}
