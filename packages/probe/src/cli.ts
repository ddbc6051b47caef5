import { encode, failure } from '@llama-probe/comparison/ask';
import { CommanderError } from 'commander';
import type { Context } from './cli/context.js';
import { buildProgram } from './cli/program.js';
import { COULD_NOT_TELL, EXIT, interruptible } from './exit.js';
import { StderrProgress } from './progress.js';

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
  try {
    await buildProgram(context).parseAsync(argv as string[], { from: 'user' });
    return context.code;
  } catch (error) {
    progress.done();
    const json = argv.includes('--json');
    if (error instanceof CommanderError) {
      // It has printed its message, or what --help and --version ask for.
      if (error.exitCode === 0) return EXIT.agree;
      if (json) printError(error.message.replace(/^error: /, ''), 'usage');
      return COULD_NOT_TELL;
    }
    return fail(error, json);
  }
}

/** Every error of ours ends here: one message on stderr, exit 2, and with --json an object that says the same. */
function fail(error: unknown, json: boolean): number {
  const { code, message, stack, cause } = error as {
    code?: unknown;
    message?: string;
    stack?: string;
    cause?: unknown;
  };
  const reason = message ?? String(error);
  process.stderr.write(`probe: ${reason}\n`);
  // Ours carry a stable code. Anything else is a bug of this tool, and its trace is for whoever mends it.
  if (typeof code !== 'string') {
    process.stderr.write('This is a bug in llama-probe. LLAMA_PROBE_TRACE=1 shows where it happened.\n');
  }
  if (process.env.LLAMA_PROBE_TRACE)
    process.stderr.write(`${stack}\n${cause ? `${(cause as Error).stack ?? cause}\n` : ''}`);
  if (json) printError(reason, typeof code === 'string' ? code : 'internal');
  return COULD_NOT_TELL;
}

function printError(reason: string, code: string): void {
  process.stdout.write(`${encode(failure(reason, code))}\n`);
}
