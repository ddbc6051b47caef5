/** A mistake in what was asked for. `message` names the thing, what was found, what was wanted and the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

/** Ctrl-C, or a signal to end. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly code = 'interrupted';
}

/** The first of some options that was given. @example firstGiven({ '--map': undefined, '--inject': 'rms-eps' }) === '--inject' */
export const firstGiven = (options: Readonly<Record<string, unknown>>): string | undefined =>
  Object.entries(options).find(([, value]) => value !== undefined)?.[0];
