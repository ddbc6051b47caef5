import { writeSync } from 'node:fs';
import { encode, failure } from '@llama-probe/comparison/ask';
import { COULD_NOT_TELL } from './exit.js';

/**
 * Sees to it that a process that ends before there is a verdict ends as one that could not tell: a configuration is a program, and may
 * exit, throw later or never come to its end. None of that is agreement.
 *
 * @returns to be called when there is one
 */
export function verdictOrNothing(json: boolean): () => void {
  let isFinished = false;
  process.on('exit', (code) => {
    if (isFinished || code === COULD_NOT_TELL) return;
    process.exitCode = COULD_NOT_TELL;
    const reason = `The process ended (code ${code}) before there was a verdict. Something other than probe ended it, such as a configuration that exits, or that waits for what never comes.`;
    try {
      writeSync(2, `probe: ${reason}\n`);
      if (json) writeSync(1, `${encode(failure(reason, 'unfinished'))}\n`);
    } catch {
      // nobody reads
    }
  });
  return () => {
    isFinished = true;
  };
}
