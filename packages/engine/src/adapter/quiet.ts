import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Descriptors {
  dup(fd: number): number;
  dup2(from: number, to: number): number;
}

let descriptors: Promise<Descriptors | undefined> | undefined;

/** libc's dup and dup2, through koffi if it is installed. */
function loadDescriptors(): Promise<Descriptors | undefined> {
  descriptors ??= (async () => {
    if (process.platform !== 'linux') return undefined;
    try {
      const { default: koffi } = await import('koffi');
      const libc = koffi.load('libc.so.6');
      return { dup: libc.func('int dup(int)'), dup2: libc.func('int dup2(int, int)') };
    } catch {
      return undefined;
    }
  })();
  return descriptors;
}

/**
 * Runs `action`, which must do its work before it returns, and keeps what C code writes to standard error meanwhile.
 *
 * Dawn has no other way of saying why an adapter is not found, and none of being quiet: it warns at every OpenGL adapter that
 * it lowers two limits nobody uses. Without koffi the text goes to standard error as ever.
 */
export async function captureStderr<T>(action: () => T): Promise<{ result: T; text: string }> {
  const libc = await loadDescriptors();
  let file: number | undefined;
  const path = join(tmpdir(), `llama-probe-stderr-${process.pid}-${performance.now()}`);
  try {
    if (libc) {
      file = openSync(path, 'wx+', 0o600);
      unlinkSync(path); // it lives for as long as it is open: nothing is left of it, however this process ends
    }
  } catch {
    // No place for the text: let it through.
  }
  if (!libc || file === undefined) return { result: action(), text: '' };
  const stderr = libc.dup(2);
  try {
    libc.dup2(file, 2);
    const result = action();
    return { result, text: contentOf(file) };
  } finally {
    libc.dup2(stderr, 2);
    closeSync(stderr);
    closeSync(file);
  }
}

/** From its beginning, wherever it was written to last. */
function contentOf(file: number): string {
  const bytes = Buffer.alloc(fstatSync(file).size);
  readSync(file, bytes, 0, bytes.length, 0);
  return bytes.toString('utf8');
}
