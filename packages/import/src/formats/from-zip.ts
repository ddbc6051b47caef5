import type { Source } from '../array.js';
import { openNpz } from './npz.js';
import { openTorch, torchPickle } from './torch.js';
import { ZipEntries } from './zip.js';

/** What a zip file is: NumPy's or PyTorch's. */
export async function openZip(path: string): Promise<Source> {
  const zip = await ZipEntries.open(path);
  try {
    const pickle = torchPickle(zip);
    return await (pickle === undefined ? openNpz(zip) : openTorch(zip, pickle));
  } catch (error) {
    await zip.close();
    throw error;
  }
}
