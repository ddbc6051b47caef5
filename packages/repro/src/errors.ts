/** `repro-inputs`: what a stage was computed from is not there; `repro-nothing`: no stage to make a test of. */
export type ReproErrorCode = 'repro-inputs' | 'repro-nothing';

/** Why there is no test of a stage. `message` names the thing, what was found, what was wanted and the remedy. */
export class ReproError extends Error {
  override readonly name = 'ReproError';

  constructor(
    readonly code: ReproErrorCode,
    message: string,
  ) {
    super(message);
  }
}
