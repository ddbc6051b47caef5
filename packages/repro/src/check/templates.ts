import { readFileSync } from 'node:fs';

/** Where the programs are that checks are made of: plain files, so that they can be read and run as they are. */
const FOLDER = new URL('../../templates/', import.meta.url);

export const templateUrl = (file: string): URL => new URL(file, FOLDER);

export const template = (file: string): string => readFileSync(templateUrl(file), 'utf8');

/**
 * The functions of a file that are called, and those that they call, in the file's order. A line such as `// ---- rope` is above each.
 *
 * @example functionsOf('rust/functions.rs', ['rope'])
 */
export function functionsOf(file: string, called: readonly string[]): string {
  const [, ...pieces] = template(file).split(/^(?:#|\/\/) ---- (\w+)\n/m);
  const sections = new Map<string, string>();
  for (let i = 0; i < pieces.length; i += 2) sections.set(pieces[i] as string, pieces[i + 1] as string);
  const wanted = new Set<string>();
  const want = (name: string): void => {
    const text = sections.get(name);
    if (text === undefined) throw new Error(`${file} has no ${name}.`);
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const other of sections.keys()) if (new RegExp(`\\b${other}\\(`).test(text)) want(other);
  };
  for (const name of called) want(name);
  return [...sections]
    .filter(([name]) => wanted.has(name))
    .map(([, text]) => text.trim())
    .join(file.endsWith('.py') ? '\n\n\n' : '\n\n');
}

/** A template with lines of its own in the place of lines such as `// {{inputs}}`, as far indented. */
export function filled(file: string, parts: Readonly<Record<string, string>>): string {
  return template(file).replace(/^([ \t]*)(?:#|\/\/) \{\{(\w+)\}\}$/gm, (_, indent: string, name: string) =>
    (parts[name] ?? '').replace(/^(?=.)/gm, indent),
  );
}
