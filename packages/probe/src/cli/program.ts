import { VERSION } from '@llama-probe/comparison/ask';
import { Command } from 'commander';
import { blameCommand } from './blame.js';
import { bugsCommand } from './bugs.js';
import { captureCommand } from './capture.js';
import { changesCommand } from './changes.js';
import { checkCommand } from './check.js';
import { suggestChoices } from './choices.js';
import { compareCommand } from './compare.js';
import { completionCommand } from './completion.js';
import type { Context } from './context.js';
import { diffCommand } from './diff.js';
import { doctorCommand } from './doctor.js';
import { gateCommand } from './gate.js';
import { examples, exitCodes, helpOption, tidy } from './help.js';
import { importCommand } from './import.js';
import { inspectCommand } from './inspect.js';
import { itselfCommand } from './itself.js';
import { mergeCommand } from './merge.js';
import { OPTIONS } from './options.js';
import { repeatCommand } from './repeat.js';
import { reproCommand } from './repro.js';
import { serverCommand } from './server.js';
import { textCommand } from './text.js';
import { tokenizeCommand } from './tokenize.js';
import { weightsCommand } from './weights.js';

const LAST = 'Your machine and shell:';

/** Under which the commands are listed. */
const COMMANDS = {
  'Find a divergence:': [
    compareCommand,
    captureCommand,
    diffCommand,
    blameCommand,
    changesCommand,
    tokenizeCommand,
    importCommand,
    reproCommand,
  ],
  'Keep it right:': [gateCommand, mergeCommand],
  'Look closer:': [
    serverCommand,
    textCommand,
    weightsCommand,
    itselfCommand,
    repeatCommand,
    bugsCommand,
    checkCommand,
    inspectCommand,
  ],
  [LAST]: [doctorCommand, completionCommand],
};

/** Every command with its options and examples. Nothing is loaded but this until one of them runs. */
export function buildProgram(context: Context): Command {
  const program = new Command('probe')
    .description('Finds the first wrong stage of an LLM inference engine, measured against llama.cpp.')
    .version(VERSION, '-V, --version', 'show the version')
    .addHelpText(
      'after',
      examples({
        'probe compare --prompt Hello': 'the bundled model: is the tool itself right on this machine?',
        'probe compare --model model-Q4_K_M.gguf --prompt "Once upon a time"': 'your model',
        'probe diff mine.arrow reference.arrow --model model.gguf': "your engine's dump against llama.cpp's",
        'probe blame mine.arrow --model model.gguf': 'the same without a dump of llama.cpp',
      }),
    );
  for (const [heading, commands] of Object.entries(COMMANDS)) {
    for (const command of commands) program.addCommand(command(context).helpGroup(heading));
  }
  program.addHelpCommand(
    new Command('help').argument('[command]').description('show the help of a command').helpGroup(LAST),
  );
  // A command inherits nothing when it is added, so each is told the same.
  for (const command of [program, ...program.commands]) {
    suggestChoices(command);
    tidy(command);
    takeNoTui(command);
    command
      .addHelpOption(helpOption(command))
      .configureHelp({ subcommandTerm: (one) => one.name() })
      .addHelpText('after', exitCodes(command.name()))
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'probe: ')) })
      .showHelpAfterError(
        `Run "probe ${command === program ? '--help" or "probe help COMMAND' : `help ${command.name()}`}" for what there is.`,
      );
  }
  return program;
}

/** A script that gives --no-tui to one command gives it to all: those that print text anyway take it and do nothing. */
function takeNoTui(command: Command): void {
  const isTaken = command.options.some(({ long }) => long === '--no-tui');
  if (!isTaken && command.parent) command.addOption(OPTIONS.noTui().hideHelp());
}
