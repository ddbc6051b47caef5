import type { CommandSpec, OptionSpec, ProgramSpec } from 'llama-probe/internal';
import { sentence } from './program.js';

/** probe(1): what the commands are. */
export function programManPage({ name, description, commands }: ProgramSpec, version: string): string {
  return page(name, version, [
    ...section('NAME', `${roff(name)} \\- ${roff(description.replace(/\.$/, ''))}`),
    ...section('SYNOPSIS', `.B ${roff(name)}`, '.I command', '[options]'),
    ...section('COMMANDS'),
    ...commands.flatMap((one) => ['.TP', `.BR ${roff(`${name}-${one.name}`)} (1)`, roff(sentence(one.description))]),
    ...exitStatus({ 0: 'the sides agree', 1: 'they diverged', 2: 'it could not be told' }),
  ]);
}

/** probe-compare(1) and so on. */
export function commandManPage({ name }: ProgramSpec, command: CommandSpec, version: string): string {
  const examples = Object.entries(command.examples).flatMap(([line, purpose]) => {
    return ['.PP', roff(sentence(purpose)), '.PP', '.RS 4', '.EX', roff(line), '.EE', '.RE'];
  });
  return page(`${name}-${command.name}`, version, [
    ...section('NAME', `${roff(`${name}-${command.name}`)} \\- ${roff(command.description)}`),
    ...section('SYNOPSIS', `.B ${roff(`${name} ${command.name}`)}`, roff(command.usage.slice(command.name.length + 1))),
    ...(command.arguments.length > 0 ? section('ARGUMENTS') : []),
    ...command.arguments.flatMap((one) => [
      '.TP',
      `.I ${roff(one.name)}`,
      roff(sentence(one.description + oneOf(one.choices))),
    ]),
    ...section('OPTIONS'),
    ...command.groups.flatMap(({ heading, options }) => [
      ...(command.groups.length > 1 ? [`.SS "${roff(heading)}"`] : []),
      ...options.flatMap((option) => ['.TP', `.B ${roff(option.flags)}`, roff(sentence(about(option)))]),
    ]),
    ...exitStatus(command.exitCodes),
    ...(examples.length > 0 ? [...section('EXAMPLES'), ...examples] : []),
    ...section('SEE ALSO', `.BR ${roff(name)} (1)`),
  ]);
}

function exitStatus(codes: CommandSpec['exitCodes']): string[] {
  return [
    ...section('EXIT STATUS'),
    ...Object.entries(codes).flatMap(([code, text]) => ['.TP', code, roff(sentence(text))]),
  ];
}

function about({ description, choices, default: standard, mandatory }: OptionSpec): string {
  const by = standard === null ? '' : `; ${standard} by default`;
  return `${description}${oneOf(choices)}${by}${mandatory ? '; must be given' : ''}`;
}

const oneOf = (choices: readonly string[]): string => (choices.length > 0 ? `; one of ${choices.join(', ')}` : '');

const section = (title: string, ...lines: string[]): string[] => [`.SH "${title}"`, ...lines];

const page = (name: string, version: string, lines: readonly string[]): string =>
  `${['.\\" Made by node scripts/dist/command-docs.js from the command itself.', `.TH "${roff(name).toUpperCase()}" 1 "" "llama\\-probe ${version}"`, ...lines].join('\n')}\n`;

/** Text as troff takes it: backslashes and hyphens escaped, and nothing at a line's start that would be a request. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('×', '\\(mu')
    .replace(/^([.'])/gm, '\\&$1');
