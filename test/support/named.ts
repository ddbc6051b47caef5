import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FILE = /^[\w./-]*\w\.(?:ts|tsx|js|mjs|wgsl|md|json|css|yml|py)$/;
/** As it is built. */
const SCRIPT = /^node (scripts\/)dist\/([\w./-]+)\.js\b/;
const FOLDER = /^(?:packages|docs|scripts|test|\.github)\/[\w./-]+$/;
const NAME = /^[A-Za-z_$][\w$]*(?:\.[a-z]\w*)?(?:\(\))?$/;
/** What may stand between a file and a name for the name to be of that file, and between a name and its file. */
const AFTER_FILE = /^,? (?:and )?$/;
const BEFORE_FILE = /^ \($/;

interface Token {
  readonly text: string;
  /** Where it begins and ends in its line. */
  readonly from: number;
  readonly to: number;
}

/**
 * What a Markdown text says of the code that is not so: a file in backticks that there is not, a function or class beside a file that the
 * file does not declare, a line of an excerpt that it does not have, a link to nothing.
 *
 * A file is named from the repository's root; after that, in the same section, from the folder of one that was named so, or from one
 * above it. A name is beside a file in `` `file.ts` `name` ``, `` `file.ts`, `name` ``, `` `name` (`file.ts`) ``, and anywhere after it in
 * the cell of a table. An excerpt is a code block whose fence names the file; a line of only … stands for what is left out.
 *
 * @param root of the repository @param folder of the text, which its links start from @param within where files may be named from without
 * being named in full
 * @example wrongIn('`packages/dump/src/tensor.ts` `Tensro`', '.') // ['1: Tensro is not declared in packages/dump/src/tensor.ts']
 */
export function wrongIn(
  text: string,
  root: string,
  folder = root,
  within: readonly string[] = [],
): { wrong: string[]; checked: number } {
  const wrong: string[] = [];
  let checked = 0;
  let bases = within;
  let excerpt: { file: string | undefined; rest: string[] } | undefined;

  const check = (isRight: boolean, line: number, what: string) => {
    checked++;
    if (!isRight) wrong.push(`${line}: ${what}`);
  };
  const isThere = (path: string) => existsSync(join(root, path));

  for (const [index, line] of text.split('\n').entries()) {
    const number = index + 1;
    const fence = /^\s*```(.*)$/.exec(line);
    if (fence) {
      if (excerpt) excerpt = undefined;
      else {
        const file = fence[1]?.split(' ')[1];
        if (file !== undefined) check(isThere(file), number, `there is no ${file}`);
        const lines = file !== undefined && isThere(file) ? linesOf(join(root, file)) : [];
        excerpt = { file, rest: lines };
      }
      continue;
    }
    if (excerpt) {
      const wanted = line.trim();
      if (excerpt.file === undefined || wanted === '' || wanted === '…' || !isThere(excerpt.file)) continue;
      const at = excerpt.rest.indexOf(wanted);
      check(at >= 0, number, `${excerpt.file} has no line "${wanted}" there`);
      if (at >= 0) excerpt.rest = excerpt.rest.slice(at + 1);
      continue;
    }
    if (line.startsWith('#')) bases = within;

    for (const [, target = ''] of line.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(target))
        check(existsSync(join(folder, target)), number, `the link to ${target} leads nowhere`);
    }

    const found = tokens(line);
    const files = found.map(({ text }) => {
      const name = text.replace(SCRIPT, '$1$2.ts').split(' ')[0]?.replace(/\/$/, '') ?? '';
      const isFile = FILE.test(text) || FOLDER.test(text) || SCRIPT.test(text);
      if (!isFile) return undefined;
      const path = resolve(name, bases, isThere);
      check(path !== undefined, number, `there is no ${text}`);
      if (path !== undefined && text.startsWith('packages/')) bases = [path, ...bases];
      return path;
    });
    const isTable = line.startsWith('|');
    for (const [i, token] of found.entries()) {
      if (files[i] !== undefined || !NAME.test(token.text) || FILE.test(token.text)) continue;
      const file = fileOf(i, found, files, line, isTable);
      if (file === undefined || statSync(join(root, file)).isDirectory()) continue;
      const code = readFileSync(join(root, file), 'utf8');
      check(declares(code, token.text.replace(/\(\)$/, '')), number, `${token.text} is not declared in ${file}`);
    }
  }
  return { wrong, checked };
}

const linesOf = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim());

function tokens(line: string): Token[] {
  return [...line.matchAll(/`([^`]+)`/g)].map(({ 0: whole, 1: text = '', index }) => ({
    text,
    from: index,
    to: index + whole.length,
  }));
}

/** From the root, or from the folders that were named before, the latest first, or those above them in their package. */
function resolve(path: string, bases: readonly string[], isThere: (path: string) => boolean): string | undefined {
  if (isThere(path)) return path;
  for (const base of bases) {
    for (let folder = base; folder.split('/').length >= 2; folder = dirname(folder)) {
      const candidate = join(folder, path);
      if (isThere(candidate)) return candidate;
    }
  }
  return undefined;
}

/** The file that a name stands beside. */
function fileOf(
  i: number,
  found: readonly Token[],
  files: readonly (string | undefined)[],
  line: string,
  isTable: boolean,
): string | undefined {
  const token = found[i] as Token;
  const next = found[i + 1];
  const isBefore = next !== undefined && BEFORE_FILE.test(line.slice(token.to, next.from)) && line[next.to] === ')';
  if (isBefore && files[i + 1] !== undefined) return files[i + 1];
  for (let j = i - 1; j >= 0; j--) {
    const [one, after] = [found[j] as Token, found[j + 1] as Token];
    const between = line.slice(one.to, after.from);
    if (isTable ? between.includes('|') : !AFTER_FILE.test(between)) return undefined;
    if (files[j] !== undefined) return files[j];
  }
  return undefined;
}

/** @param name of something at the top of a file, or `Name.member` */
function declares(code: string, name: string): boolean {
  const [own = '', member] = name.split('.');
  const declared = `\\b(?:function\\*?|class|interface|type|const|let|fn|override) ${escaped(own)}\\b`;
  if (!new RegExp(declared).test(code)) return false;
  return member === undefined || new RegExp(`^ {2}.*\\b${escaped(member)}\\b\\??[(:<]`, 'm').test(code);
}

const escaped = (name: string): string => name.replace(/\$/g, '\\$');
