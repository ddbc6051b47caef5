import { readFileSync } from 'node:fs';
import { commandManPage, programManPage } from './man.js';
import { commandPage, indexPage } from './markdown.js';
import { program } from './program.js';

/** Every page about the commands: its path in the repository → what it says. */
export function commandFiles(root: string): Map<string, string> {
  const { version } = JSON.parse(readFileSync(`${root}/packages/probe/package.json`, 'utf8')) as { version: string };
  const { name, commands } = program;
  return new Map([
    ['docs/commands/README.md', indexPage(program)],
    ...commands.map((one) => [`docs/commands/${one.name}.md`, commandPage(program, one)] as const),
    [`packages/probe/man/${name}.1`, programManPage(program, version)],
    ...commands.map(
      (one) => [`packages/probe/man/${name}-${one.name}.1`, commandManPage(program, one, version)] as const,
    ),
  ]);
}
