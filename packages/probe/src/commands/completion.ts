import type { ProgramSpec } from '../cli/spec.js';
import type { Shell } from '../completion/shells.js';

/** What the command is installed as. */
const NAMES = ['probe', 'llama-probe'];

/** `probe completion SHELL`: a script. Stages and known bugs are those of this version. */
export async function completionScript(shell: Shell, program: ProgramSpec): Promise<string> {
  switch (shell) {
    case 'bash':
      return (await import('../completion/bash.js')).bashCompletion(program, NAMES);
    case 'zsh':
      return (await import('../completion/zsh.js')).zshCompletion(program, NAMES);
    case 'fish':
      return (await import('../completion/fish.js')).fishCompletion(program, NAMES);
  }
}
