import { Command } from 'commander';
import { VERSION } from '../version.js';
import { captureCommand } from './capture.js';
import { checkCommand } from './check.js';
import { compareCommand } from './compare.js';
import type { Context } from './context.js';
import { diffCommand } from './diff.js';
import { doctorCommand } from './doctor.js';
import { faultsCommand } from './faults.js';
import { examples } from './help.js';
import { inspectCommand } from './inspect.js';

/** Every command with its options and examples. Nothing is loaded but this until one of them runs. */
export function buildProgram(context: Context): Command {
  const program = new Command('probe')
    .description('Finds the first wrong stage of an LLM inference engine, measured against llama.cpp.')
    .version(VERSION)
    .addHelpText('after', '\nExit codes: 0 the sides agree, 1 they diverged, 2 it could not be told.')
    .addHelpText(
      'after',
      examples({
        'probe compare --prompt Hello': 'the bundled model: is the tool itself right on this machine?',
        'probe compare --model model-Q4_K_M.gguf --prompt "Once upon a time"': 'your model',
        'probe diff mine.arrow reference.arrow --model model.gguf': "your engine's dump against llama.cpp's",
      }),
    );
  const commands = [
    compareCommand,
    captureCommand,
    diffCommand,
    faultsCommand,
    checkCommand,
    inspectCommand,
    doctorCommand,
  ];
  for (const command of commands) program.addCommand(command(context));
  // A command inherits nothing when it is added, so each is told the same.
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'probe: ')) })
      .showHelpAfterError(
        `Run "probe ${command === program ? '--help" or "probe help COMMAND' : `help ${command.name()}`}" for what there is.`,
      );
  }
  return program;
}
