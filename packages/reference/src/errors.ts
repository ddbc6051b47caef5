/** Anything that goes wrong on the reference side. `code` is stable; `message` says what, found, wanted and the remedy. */
export class LlamaCppError extends Error {
  override readonly name: string = 'LlamaCppError';
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The llama.cpp libraries are missing, of another version, or have no such CPU build. */
export class UnsupportedLibraryError extends LlamaCppError {
  override readonly name = 'UnsupportedLibraryError';
}

/** The model file is missing, is no GGUF, or llama.cpp refuses it. */
export class ModelError extends LlamaCppError {
  override readonly name = 'ModelError';
}

/** The prompt, its tokens or the steps do not fit this model. */
export class PromptError extends LlamaCppError {
  override readonly name = 'PromptError';
}

/** A quantisation that cannot be made or kept. */
export class QuantizeError extends LlamaCppError {
  override readonly name = 'QuantizeError';
}

/** The process that ran llama.cpp ended by itself: an assertion, an uncaught exception, or no memory. */
export class CrashError extends LlamaCppError {
  override readonly name = 'CrashError';
}

const CLASSES = { LlamaCppError, UnsupportedLibraryError, ModelError, PromptError, QuantizeError, CrashError };

/** An error as it crosses from the child process. `log` asks the parent to add what llama.cpp said meanwhile. */
export interface WireError {
  name: string;
  code: string;
  message: string;
}

export function toWire(error: unknown): WireError {
  if (error instanceof LlamaCppError) return { name: error.name, code: error.code, message: error.message };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { name: 'LlamaCppError', code: 'internal', message: `the reference process failed: ${text}` };
}

export function fromWire(error: WireError, said: string): LlamaCppError {
  const Class = CLASSES[error.name as keyof typeof CLASSES] ?? LlamaCppError;
  return new Class(error.code, error.message.replace('{log}', said));
}
