export type ServerErrorCode =
  | 'server-unreachable'
  | 'server-timeout'
  | 'server-redirect'
  | 'server-key'
  | 'server-refused'
  | 'server-answer';

/** A server that gave no answer that could be compared. `message` names its address, what it did, and the remedy; never the key. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  constructor(
    readonly code: ServerErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
