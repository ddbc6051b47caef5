import type { ForeignArray, Source } from '../array.js';
import { unsupported } from '../errors.js';
import { inOrder } from './npy.js';
import { LONGEST_HEADER, npyHeader } from './npy-header.js';
import type { ZipEntries } from './zip.js';

const ENDING = '.npy';

/** What `numpy.savez` writes: a zip of `.npy` files, each called after its array. */
export async function openNpz(zip: ZipEntries): Promise<Source> {
  const { path, bytes } = zip;
  const arrays: ForeignArray[] = [];
  for (const [name, { uncompressedSize }] of zip.entries) {
    if (!name.endsWith(ENDING))
      throw unsupported(path, `has ${name} beside its arrays`, 'Wanted .npy files only, or the data.pkl of PyTorch.');
    const head = await zip.read(name, 0, Math.min(uncompressedSize, LONGEST_HEADER));
    const header = npyHeader(head, uncompressedSize, `${path}, ${name}`);
    arrays.push({
      name: name.slice(0, -ENDING.length),
      shape: header.shape,
      dtype: header.dtype,
      read: async () => inOrder((await zip.read(name)).slice(header.begin), header),
    });
  }
  return { format: 'NumPy (.npz)', path, bytes, arrays, close: () => zip.close() };
}
