import { InterruptedError } from '@llama-probe/comparison/ask';
import type { Verdict } from '@llama-probe/diff';

/** The exit codes of every command. */
export const EXIT = { agree: 0, diverged: 1, incomparable: 2 } as const satisfies Record<Verdict, number>;

/** Usage, bad input, a missing adapter, an interruption: it could not be told. */
export const COULD_NOT_TELL = EXIT.incomparable;

/** Ctrl-C, or a terminal that is closed, ends what is going on in order, so that partial files and the child process go; a second one ends it at once. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(COULD_NOT_TELL);
    controller.abort(new InterruptedError(`Interrupted (${signal}). Nothing half-written was kept.`));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return controller.signal;
}
