export type DumpErrorCode =
  | 'dump-not-found'
  | 'dump-not-arrow'
  | 'dump-damaged'
  | 'dump-format'
  | 'dump-unsupported'
  | 'dump-shape'
  | 'dump-tokens'
  | 'dump-map'
  | 'dump-unwritable'
  | 'dump-full';

/** A dump that cannot be read or written. `message` names the file, what was found, what was wanted and the remedy. */
export class DumpError extends Error {
  override readonly name = 'DumpError';
  constructor(
    readonly code: DumpErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A dump that does not fit together. @param what is wrong with it */
export function damaged(path: string, what: string, cause?: unknown): DumpError {
  return new DumpError('dump-damaged', `${path}: ${what}. Capture it again.`, { cause });
}

/** Turns what the operating system said while writing into a DumpError. */
export function writeError(path: string, cause: unknown): DumpError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new DumpError(
      'dump-full',
      `${path}: the disk is full (${code}). Nothing was kept. Free some space, choose another --out, or capture fewer --stages or --layers.`,
      { cause },
    );
  }
  return new DumpError(
    'dump-unwritable',
    `${path}: cannot be written (${code ?? String(cause)}). Choose a directory that you may write to with --out.`,
    { cause },
  );
}
