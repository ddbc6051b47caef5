import type { CommandSpec, OptionSpec, ProgramSpec } from '../cli/spec.js';
import { argumentWanted, commandsOf, optionsOf, type Wanted, wantedOf } from './wanted.js';

/** Completion for zsh: for a folder of fpath, or to be evaluated after compinit. */
export function zshCompletion(program: ProgramSpec, names: readonly string[]): string {
  const commands = commandsOf(program);
  return `#compdef ${names.join(' ')}
# zsh completion for ${names.join(' and ')}: eval "$(${program.name} completion zsh)" after compinit

_probe() {
  local curcontext=$curcontext state line ret=1
  typeset -A opt_args
  _arguments -C \\
    '(- : *)'{-h,--help}'[show this help]' \\
    '(- : *)'{-V,--version}'[show the version]' \\
    '1:command:->command' \\
    '*::argument:->argument' && ret=0
  case $state in
    command)
      local -a commands=(
${commands.map(({ name, description }) => `        ${quote(`${name}:${description}`)}`).join('\n')}
      )
      _describe -t commands command commands && ret=0 ;;
    argument)
      case $words[1] in
${commands.map(commandCase).join('\n')}
      esac ;;
  esac
  return ret
}

if [[ $funcstack[1] == _probe ]]; then
  _probe "$@"
else
  compdef _probe ${names.join(' ')}
fi
`;
}

function commandCase(command: CommandSpec): string {
  const options = optionsOf(command).map((option) => optionSpec(option, wantedOf(command, option)));
  const places = command.arguments.map((argument, i) => {
    const place = argument.variadic ? '*' : String(i + 1);
    return quote(`${place}:${escaped(argument.name)}:${action(argumentWanted(argument))}`);
  });
  const lines = [...options, ...places].map((line) => `            ${line}`);
  return `        ${command.name})\n          _arguments -s -S \\\n${lines.join(' \\\n')} && ret=0 ;;`;
}

/** @example '(-m --model)'{-m+,--model=}'[a GGUF file]:file:_files' */
function optionSpec({ short, long, value, description }: OptionSpec, wanted: Wanted | undefined): string {
  const about = `[${escaped(description)}]${wanted ? `:${escaped(value ?? '')}:${action(wanted)}` : ''}`;
  if (short === null) return quote(`${long}${wanted ? '=' : ''}${about}`);
  const flags = wanted ? `{${short}+,${long}=}` : `{${short},${long}}`;
  return `'(${short} ${long})'${flags}${quote(about)}`;
}

function action(wanted: Wanted): string {
  switch (wanted.kind) {
    case 'one':
      return `(${wanted.words.join(' ')})`;
    case 'list':
      return `_sequence compadd - ${wanted.words.join(' ')}`;
    case 'files':
      return '_files';
    case 'directories':
      return '_files -/';
    case 'nothing':
      return ' ';
  }
}

/** What _arguments would read as its own punctuation. */
const escaped = (text: string): string => text.replace(/[\\:[\]]/g, '\\$&');

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
