export type ModelErrorCode =
  | 'model-not-found'
  | 'model-not-gguf'
  | 'model-version'
  | 'model-endianness'
  | 'model-truncated'
  | 'model-damaged'
  | 'model-metadata'
  | 'model-architecture'
  | 'model-split'
  | 'model-tensor'
  | 'model-tensor-type';

/** A model file that cannot be used. `message` names the file, what was found, what was wanted and the remedy. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  constructor(
    readonly code: ModelErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export type RunErrorCode =
  | 'busy'
  | 'unfinished'
  | 'tokens-empty'
  | 'token-out-of-range'
  | 'context-exceeded'
  | 'out-of-memory'
  | 'arena-full'
  | 'device-lost'
  | 'device-error';

/** A run that cannot be made with what was asked for, or that the device gave up. */
export class RunError extends Error {
  override readonly name = 'RunError';
  constructor(
    readonly code: RunErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
