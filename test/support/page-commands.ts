import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const readPage = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** Every command of a page, once, in the order in which a reader comes to them. */
export const commandsOf = (text: string): string[] => [
  ...new Set([...text.matchAll(/npx (probe [^`\n]+)/g)].map(([, command = '']) => command.trim())),
];

/** A command's arguments; what is called like a file of a run, a model or a program is one in the folder. */
export function argumentsOf(command: string, folder: string): string[] {
  const inFolder = (text: string) =>
    text.replace(/(?<![\w./-])[\w-]+\.(gguf|safetensors|arrow|mjs)\b/g, (name) => join(folder, name));
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].slice(1).map(([, quoted, word = '']) => inFolder(quoted ?? word));
}

/** What a page shows of an output, between what it leaves out: each must be there, whatever white space is around it. */
export const shownIn = (block: string): string[] =>
  block
    .split('…')
    .map(squeezed)
    .filter((piece) => piece !== '');

export const squeezed = (text: string): string => text.replace(/\s+/g, ' ').trim();
