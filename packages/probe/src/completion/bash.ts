import type { CommandSpec, ProgramSpec } from '../cli/spec.js';
import { argumentWanted, commandsOf, optionsOf, type Wanted, wantedOf } from './wanted.js';

/** Completion for bash 3.2 and newer; it needs no other package. */
export function bashCompletion(program: ProgramSpec, names: readonly string[]): string {
  const commands = commandsOf(program);
  const list = commands.map(({ name }) => name).join(' ');
  return `# bash completion for ${names.join(' and ')}: eval "$(${program.name} completion bash)"

# Words that begin as what is typed does.
__probe_words() {
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

# The same for the last of several that commas separate.
__probe_list() {
  local before=
  [[ $cur == *,* ]] && before=\${cur%,*},
  COMPREPLY=($(compgen -P "$before" -W "$1" -- "\${cur##*,}"))
  compopt -o nospace 2>/dev/null
}

# Files (-f) or directories (-d).
__probe_paths() {
  local path
  COMPREPLY=()
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$cur")
  compopt -o filenames 2>/dev/null
}

_probe() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    __probe_words "${list} --help --version"
    return
  fi
  # bash takes --option=value apart.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case "$command $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "$command" in
${commands.map(commandCase).join('\n')}
  esac
}

complete -F _probe ${names.join(' ')}
`;
}

/** After an option that takes a value. */
function valueCases(command: CommandSpec): string[] {
  return optionsOf(command).flatMap((option) => {
    const wanted = wantedOf(command, option);
    if (!wanted) return [];
    const flags = [option.short, option.long].filter((flag) => flag !== null);
    return [`    ${flags.map((flag) => `'${command.name} ${flag}'`).join(' | ')}) ${complete(wanted)}; return ;;`];
  });
}

function commandCase(command: CommandSpec): string {
  const options = optionsOf(command).map(({ long }) => long);
  const [first] = command.arguments;
  const argument = first ? complete(argumentWanted(first)) : ':';
  return `    ${command.name}) if [[ $cur == -* ]]; then __probe_words '${options.join(' ')}'; else ${argument}; fi ;;`;
}

function complete(wanted: Wanted): string {
  switch (wanted.kind) {
    case 'one':
      return `__probe_words '${wanted.words.join(' ')}'`;
    case 'list':
      return `__probe_list '${wanted.words.join(' ')}'`;
    case 'files':
      return '__probe_paths -f';
    case 'directories':
      return '__probe_paths -d';
    case 'nothing':
      return ':';
  }
}
