export type ProgramErrorCode = 'program-start' | 'program-failed' | 'program-timeout' | 'program-output';

/** A program of the user's that left no run. `message` names its command, what it did, and what it said last. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  constructor(
    readonly code: ProgramErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
