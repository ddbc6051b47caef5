import { existsSync, realpathSync } from 'node:fs';
import { openingOf, type Progress, type ReadOptions, UsageError } from '@llama-probe/comparison/ask';
import { digestWriter, openRun, runWriter } from '@llama-probe/import';
import { tame, tameAll } from '@llama-probe/report/tame';

export interface ImportOptions extends ReadOptions {
  /** A hash of each row in place of its values. */
  digest?: boolean;
}

/** What `probe import --json` prints. */
export interface Imported {
  readonly schema: 1;
  readonly file: string;
  readonly bytes: number;
  readonly tensors: number;
  readonly tokens: readonly number[];
  /** What was done to what another program wrote, to read it as a run. */
  readonly notes: readonly string[];
}

/** `probe import RUN DUMP`. @throws DumpError where it cannot be read or written; nothing is left then */
export async function runImport(
  from: string,
  to: string,
  options: ImportOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Imported> {
  if (existsSync(from) && existsSync(to) && realpathSync(from) === realpathSync(to)) {
    throw new UsageError(`${to} is what is read; write the dump to another file.`);
  }
  const run = await openRun(from, openingOf(options));
  try {
    progress.say(`reading ${from}`);
    const writer = options.digest ? digestWriter(to, run.metadata.shapes?.kq?.[0]) : runWriter(to);
    let tensors = 0;
    try {
      for await (const tensor of run.tensors({ isKept: false })) {
        signal.throwIfAborted();
        writer.write(tensor);
        tensors++;
      }
      await writer.close(run.metadata);
    } catch (error) {
      writer.abort();
      throw error;
    }
    return { schema: 1, file: to, bytes: writer.bytes, tensors, tokens: run.metadata.tokens, notes: run.notes };
  } finally {
    await run.close();
  }
}

/** The same as text. */
export const importText = ({ file, bytes, tensors, notes }: Imported): string =>
  [`${tame(file)}: ${tensors} tensors, ${bytes} bytes`, ...tameAll(notes)].join('\n');
