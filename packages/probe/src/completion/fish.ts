import type { CommandSpec, OptionSpec, ProgramSpec } from '../cli/spec.js';
import { argumentWanted, commandsOf, optionsOf, type Wanted, wantedOf } from './wanted.js';

/** Completion for fish. */
export function fishCompletion(program: ProgramSpec, names: readonly string[]): string {
  const [name = program.name, ...others] = names;
  const commands = commandsOf(program);
  const lines = [
    `# fish completion for ${names.join(' and ')}: ${program.name} completion fish > ~/.config/fish/completions/${name}.fish`,
    '',
    '# The command that is typed, or its arguments so far.',
    'function __probe_command',
    '    set -l words (commandline -opc)',
    '    test (count $words) -gt 1; and echo $words[2]',
    'end',
    '',
    '# The last of several words that commas separate.',
    'function __probe_list',
    `    set -l before (string match -r '^.*,' -- (commandline -ct | string replace -r '^--[a-z-]+=' ''))`,
    '    for word in $argv',
    '        echo "$before$word"',
    '    end',
    'end',
    '',
    `complete -c ${name} -f`,
    `complete -c ${name} -n 'not __probe_command' -s h -l help -d 'show this help'`,
    `complete -c ${name} -n 'not __probe_command' -s V -l version -d 'show the version'`,
    ...commands.map(
      (one) => `complete -c ${name} -n 'not __probe_command' -a ${one.name} -d ${quote(one.description)}`,
    ),
    ...commands.flatMap((command) => ['', ...commandLines(name, command)]),
    ...(others.length > 0 ? ['', ...others.map((other) => `complete -c ${other} -w ${name}`)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines(name: string, command: CommandSpec): string[] {
  const here = `complete -c ${name} -n 'test "$(__probe_command)" = ${command.name}'`;
  const [argument] = command.arguments;
  return [
    ...(argument ? [`${here} ${complete(argumentWanted(argument))}`] : []),
    ...optionsOf(command).map((option) => `${here} ${optionPart(option, wantedOf(command, option))}`),
  ];
}

function optionPart({ short, long, description }: OptionSpec, wanted: Wanted | undefined): string {
  const flags = `${short === null ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
  const value = wanted ? ` -r ${complete(wanted)}` : '';
  return `${flags}${value} -d ${quote(description)}`;
}

function complete(wanted: Wanted): string {
  switch (wanted.kind) {
    case 'one':
      return `-f -a ${quote(wanted.words.join(' '))}`;
    case 'list':
      return `-f -a ${quote(`(__probe_list ${wanted.words.join(' ')})`)}`;
    case 'files':
      return '-F';
    case 'directories':
      return `-f -a '(__fish_complete_directories)'`;
    case 'nothing':
      return '-f';
  }
}

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
