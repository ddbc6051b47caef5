import { encode, failure } from '@llama-probe/comparison/ask';
import { tameMessage } from '@llama-probe/report/tame';
import { COULD_NOT_TELL } from './exit.js';

/** Says what went wrong: one message on stderr, and with --json an object on stdout that says the same. */
export function tellFailure(error: unknown, json: boolean): void {
  const { code, message, stack, cause } = (error ?? {}) as Partial<Error> & { code?: unknown };
  const reason = message ?? String(error);
  process.stderr.write(`probe: ${tameMessage(reason)}\n`);
  // Ours carry a stable code. Anything else is a bug of this tool, and its trace is for whoever mends it.
  if (typeof code !== 'string') {
    process.stderr.write('This is a bug in llama-probe. LLAMA_PROBE_TRACE=1 shows where it happened.\n');
  }
  if (process.env.LLAMA_PROBE_TRACE)
    process.stderr.write(`${stack}\n${cause ? `${(cause as Error).stack ?? cause}\n` : ''}`);
  if (json) process.stdout.write(`${encode(failure(reason, typeof code === 'string' ? code : 'internal'))}\n`);
}

/**
 * Sees to it that an error that nobody waits for any more, such as that of a process that dies as a comparison ends, is told like any other:
 * Node's own way is a trace, and the exit code of a divergence.
 */
export function tellUnheard(json: boolean): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      if (process.listenerCount(event) > 1) return; // the terminal view gives the terminal back first, and says it there
      tellFailure(error, json);
      process.exit(COULD_NOT_TELL);
    });
  }
}
