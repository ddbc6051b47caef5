import { Argument, Command } from 'commander';
import { SHELLS, type Shell } from '../completion/shells.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { describeProgram } from './spec.js';

export function completionCommand(context: Context): Command {
  return new Command('completion')
    .description('print completion for a shell: commands, options, their values, stages and known bugs')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples({
        'echo \'eval "$(probe completion bash)"\' >> ~/.bashrc': 'bash, from the next shell on',
        'echo \'eval "$(probe completion zsh)"\' >> ~/.zshrc': 'zsh; after compinit',
        'probe completion fish > ~/.config/fish/completions/probe.fish': 'fish, at once; again after an update',
      }),
    )
    .action(async (shell: Shell, _: object, command: Command) => {
      const { completionScript } = await import('../commands/completion.js');
      context.print(await completionScript(shell, describeProgram(command.parent ?? command)));
    });
}
