import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isArrowStream } from '@llama-probe/dump';

/** Where a program is told to write, and where what it prints goes: in a folder of its own. */
export const OUT = 'out';
export const STDOUT = 'stdout';

/** What a program has left: a file or a folder under the name that it was told, several with endings of their own, or what it printed. */
export type Output = { readonly path: string } | { readonly several: readonly string[] } | { readonly printed: string };

const FIRST = 4096; // bytes of what it printed, to show

/** Looks for what a program has left in its folder. Libraries add endings, as NumPy does: `out` becomes `out.npz`. */
export async function outputIn(folder: string): Promise<Output> {
  const names = (await readdir(folder)).filter((name) => name === OUT || name.startsWith(`${OUT}.`)).sort();
  const name = names.includes(OUT) ? OUT : names.length === 1 ? names[0] : undefined;
  if (name !== undefined) return { path: join(folder, name) };
  if (names.length > 1) return { several: names };
  const printed = join(folder, STDOUT);
  const head = await beginning(printed);
  return isArrowStream(head) ? { path: printed } : { printed: head.toString('utf8') };
}

async function beginning(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(FIRST), 0, FIRST, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
