import { isAbsolute, normalize, sep } from 'node:path';
import { damaged, unsupported } from '../errors.js';
import { PieceFile } from '../file.js';

const LONGEST = 16 << 20; // bytes

/** The object of a JSON file; empty where it is something else. @throws DumpError where it is no JSON, or too long to be a list of files */
export async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  const file = await PieceFile.open(path);
  try {
    if (file.bytes > LONGEST) throw unsupported(path, `has ${file.bytes} bytes`, `A manifest has at most ${LONGEST}.`);
    return (JSON.parse(new TextDecoder().decode(await file.read(0, file.bytes))) ?? {}) as Record<string, unknown>;
  } catch (cause) {
    throw cause instanceof SyntaxError ? damaged(path, `begins as JSON, and is none (${cause.message})`, cause) : cause;
  } finally {
    await file.close();
  }
}

/** Whether a path is not beside or below the file that names it. */
export const leavesFolder = (file: string): boolean => isAbsolute(file) || normalize(file).split(sep).includes('..');
