import type { Argument, Command, Option } from 'commander';
import { type ExitCodes, examplesIn, exitCodesOf } from './help.js';

/** A command line as plain data: what completion and the pages about commands are made of. */
export interface ProgramSpec {
  readonly name: string;
  readonly description: string;
  readonly commands: readonly CommandSpec[];
}

export interface CommandSpec {
  readonly name: string;
  /** After `probe`. @example 'diff [options] <candidate> <reference>' */
  readonly usage: string;
  readonly description: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly groups: readonly { readonly heading: string; readonly options: readonly OptionSpec[] }[];
  /** What to type → what it is for. */
  readonly examples: Readonly<Record<string, string>>;
  readonly exitCodes: ExitCodes;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly description: string;
  readonly variadic: boolean;
  readonly choices: readonly string[];
}

export interface OptionSpec {
  /** As the help has it. @example '-m, --model <file>' */
  readonly flags: string;
  readonly short: string | null;
  readonly long: string;
  /** What its value is called, such as `file`; null where it takes none. */
  readonly value: string | null;
  readonly description: string;
  readonly choices: readonly string[];
  /** Where the description does not say it. */
  readonly default: string | null;
  readonly mandatory: boolean;
}

export function describeProgram(program: Command): ProgramSpec {
  return { name: program.name(), description: program.description(), commands: program.commands.map(describeCommand) };
}

function describeCommand(command: Command): CommandSpec {
  const shown = command.options.filter(({ hidden }) => !hidden);
  const headings = [...new Set(shown.map(headingOf))];
  return {
    name: command.name(),
    usage: `${command.name()} ${command.usage()}`,
    description: command.description(),
    arguments: command.registeredArguments.map(describeArgument),
    groups: headings.map((heading) => {
      const options = shown.filter((option) => headingOf(option) === heading);
      return { heading: heading.replace(/:$/, ''), options: options.map(describeOption) };
    }),
    examples: examplesIn(helpOf(command)),
    exitCodes: exitCodesOf(command.name()),
  };
}

const headingOf = (option: Option): string => option.helpGroupHeading ?? 'Options:';

function describeArgument(argument: Argument): ArgumentSpec {
  const { description, variadic, argChoices = [] } = argument;
  return { name: argument.name(), description, variadic, choices: argChoices };
}

function describeOption(option: Option): OptionSpec {
  const { flags, short, long, description, argChoices = [], defaultValue, mandatory } = option;
  return {
    flags,
    short: short ?? null,
    long: long ?? flags,
    value: option.required || option.optional ? (/[<[](.*?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1] ?? 'value') : null,
    description,
    choices: argChoices,
    default: defaultValue === undefined || option.negate ? null : String(defaultValue),
    mandatory,
  };
}

/** As `--help` prints it. */
function helpOf(command: Command): string {
  const { writeOut } = command.configureOutput();
  let text = '';
  command.configureOutput({
    writeOut(part) {
      text += part;
    },
  });
  command.outputHelp();
  command.configureOutput(writeOut ? { writeOut } : {});
  return text;
}
