import { STAGE_NAMES } from '@llama-probe/dump/stage';
import { CATALOGUE } from '@llama-probe/oracle';
import { LANGUAGES } from '@llama-probe/repro/languages';
import type { ArgumentSpec, CommandSpec, OptionSpec, ProgramSpec } from '../cli/spec.js';

/** What a value or an argument is completed with. */
export type Wanted =
  | { readonly kind: 'files' | 'directories' | 'nothing' }
  | { readonly kind: 'one' | 'list'; readonly words: readonly string[] };

/** What can be put into a run: those of a stage. */
const bugsToPut = () => CATALOGUE.filter(({ stages }) => !stages.includes('tokens')).map(({ id }) => id);

/** Lists of words that are separated by commas, by their options. */
const LISTS: Readonly<Record<string, () => readonly string[]>> = {
  'compare --stages': () => STAGE_NAMES,
  'capture --stages': () => ['all', ...STAGE_NAMES],
  ...Object.fromEntries(['compare', 'capture', 'text', 'itself'].map((command) => [`${command} --inject`, bugsToPut])),
  'repro --lang': () => LANGUAGES,
  'bugs --only': () => CATALOGUE.map(({ id }) => id),
};

/** The value of an option; undefined where it takes none. */
export function wantedOf(command: CommandSpec, option: OptionSpec): Wanted | undefined {
  if (option.value === null) return undefined;
  const list = LISTS[`${command.name} ${option.long}`];
  if (list) return { kind: 'list', words: list() };
  if (['inspect', 'repro'].includes(command.name) && option.long === '--stage')
    return { kind: 'one', words: STAGE_NAMES };
  return byName(option.value, option.choices);
}

/** An argument. What is called neither a directory nor has choices is a file: dumps, results. */
export const argumentWanted = ({ name, choices }: ArgumentSpec): Wanted =>
  choices.length > 0 ? { kind: 'one', words: choices } : { kind: name === 'directory' ? 'directories' : 'files' };

function byName(value: string, choices: readonly string[]): Wanted {
  if (choices.length > 0) return { kind: 'one', words: choices };
  if (value === 'file') return { kind: 'files' };
  return { kind: value === 'directory' ? 'directories' : 'nothing' };
}

export const optionsOf = ({ groups }: CommandSpec): readonly OptionSpec[] => [
  ...groups.flatMap(({ options }) => options),
  HELP,
];

const HELP: OptionSpec = {
  flags: '-h, --help',
  short: '-h',
  long: '--help',
  value: null,
  description: 'show this help',
  choices: [],
  default: null,
  mandatory: false,
};

/** Every command, and `help`, which takes the name of one. */
export function commandsOf({ commands }: ProgramSpec): readonly CommandSpec[] {
  const command = {
    name: 'command',
    description: 'a command',
    variadic: false,
    choices: commands.map(({ name }) => name),
  };
  const help = {
    name: 'help',
    usage: 'help [command]',
    description: 'show the help of a command',
    arguments: [command],
  };
  return [...commands, { ...help, groups: [], examples: {}, exitCodes: {} }];
}
