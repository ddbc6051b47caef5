import type { CommandSpec, OptionSpec, ProgramSpec } from 'llama-probe/internal';
import { sentence } from './program.js';

const MADE = '<!-- Made by node scripts/dist/command-docs.js from the command itself. -->';

/** The list of commands. */
export function indexPage({ name, commands }: ProgramSpec): string {
  const rows = commands.map((one) => `| [\`${name} ${one.name}\`](${one.name}.md) | ${cell(one.description)} |`);
  return page([
    '# Commands',
    MADE,
    ['| command | does |', '|---|---|', ...rows].join('\n'),
    `\`${name} help COMMAND\` says the same in a terminal, and \`man ${name}\` where the package is installed globally; [\`${name} completion\`](completion.md) lets the shell complete it.`,
    'Exit codes are the same everywhere: 0 the sides agree, 1 they diverged, 2 it could not be told. Progress and errors go to standard error, results to standard output.',
  ]);
}

/** The page of a command. */
export function commandPage({ name }: ProgramSpec, command: CommandSpec): string {
  const { usage, description, groups } = command;
  const examples = Object.entries(command.examples).flatMap(([line, purpose]) => [`# ${purpose}`, line, '']);
  return page([
    `# ${name} ${command.name}`,
    MADE,
    sentence(description),
    fenced([`${name} ${usage}`]),
    ...(examples.length > 0 ? ['## Examples', fenced(examples.slice(0, -1))] : []),
    ...(command.arguments.length > 0 ? ['## Arguments', argumentTable(command)] : []),
    ...groups.flatMap(({ heading, options }) => [`## ${heading}`, optionTable(options)]),
    '## Exit codes',
    ['| | |', '|---|---|', ...Object.entries(command.exitCodes).map(([code, text]) => `| ${code} | ${text} |`)].join(
      '\n',
    ),
  ]);
}

function argumentTable(command: CommandSpec): string {
  const rows = command.arguments.map(({ name, description, variadic, choices }) => {
    const about = [cell(description), choices.length > 0 ? `one of ${choices.map(code).join(', ')}` : ''];
    return `| \`${name}\`${variadic ? ', one or more' : ''} | ${about.filter(Boolean).join('; ')} |`;
  });
  return ['| | |', '|---|---|', ...rows].join('\n');
}

function optionTable(options: readonly OptionSpec[]): string {
  const rows = options.map((option) => `| ${option.flags.split(', ').map(code).join(', ')} | ${about(option)} |`);
  return ['| option | |', '|---|---|', ...rows].join('\n');
}

function about({ description, choices, default: standard, mandatory }: OptionSpec): string {
  const more = [
    mandatory ? 'must be given' : '',
    choices.length > 0 ? `one of ${choices.map(code).join(', ')}` : '',
    standard === null ? '' : `default ${code(standard)}`,
  ].filter(Boolean);
  return `${cell(description)}${more.length > 0 ? `; ${more.join('; ')}` : ''}`;
}

const code = (text: string): string => `\`${cell(text)}\``;
const cell = (text: string): string => text.replaceAll('|', '\\|');
const fenced = (lines: readonly string[]): string => ['```sh', ...lines, '```'].join('\n');
const page = (parts: readonly string[]): string => `${parts.join('\n\n')}\n`;
