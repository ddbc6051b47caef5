import { encode, failure } from '@llama-probe/comparison/ask';
import { keepDevices } from '@llama-probe/engine/keep';
import { keepProcesses } from '@llama-probe/reference/keep';
import { CommanderError } from 'commander';
import type { Context } from './cli/context.js';
import { buildProgram } from './cli/program.js';
import { COULD_NOT_TELL, EXIT, interruptible } from './exit.js';
import { tellFailure } from './failed.js';
import { StderrProgress } from './progress.js';

export { keepDevices, keepProcesses };

/** Runs the command line. Resolves to the exit code; prints nothing on stdout but the result. */
export async function runCli(argv: readonly string[]): Promise<number> {
  const progress = new StderrProgress();
  const context: Context = {
    progress,
    signal: interruptible(),
    code: EXIT.agree,
    print(result) {
      progress.done();
      process.stdout.write(typeof result === 'string' && !result.endsWith('\n') ? `${result}\n` : result);
    },
  };
  // A command may open several models, one after the other.
  const stopKeepingProcesses = keepProcesses();
  const stopKeepingDevices = keepDevices();
  try {
    await buildProgram(context).parseAsync(argv as string[], { from: 'user' });
    return context.code;
  } catch (error) {
    progress.done();
    const json = argv.includes('--json');
    if (error instanceof CommanderError) {
      // It has printed its message, or what --help and --version ask for.
      if (error.exitCode === 0) return EXIT.agree;
      if (json) process.stdout.write(`${encode(failure(error.message.replace(/^error: /, ''), 'usage'))}\n`);
      return COULD_NOT_TELL;
    }
    tellFailure(error, json);
    return COULD_NOT_TELL;
  } finally {
    stopKeepingDevices();
    await stopKeepingProcesses();
  }
}
