import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commandFiles } from '../scripts/command-docs/files.js';
import { program } from '../scripts/command-docs/program.js';
import { probe, probeJson } from './support/session.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMMANDS = program.commands.map((command) => [command.name, command] as const);
const COLUMNS = 80;

describe('help', () => {
  test('of the program: every command, in a terminal of 80 columns', async () => {
    const { code, stdout } = await probe(['--help']);
    expect(code).toBe(0);
    for (const [name] of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} {2,}\\S`, 'm'));
    expect(tooLong(stdout)).toEqual([]);
  });

  test.each(COMMANDS)('of %s: examples that use options it has, and exit codes', async (name, command) => {
    const { code, stdout } = await probe(['help', name]);
    expect(code).toBe(0);
    expect(tooLong(stdout)).toEqual([]);
    expect(stdout).toMatch(/^Exit codes:\n {2}0 {2}\S/m);
    const options = command.groups.flatMap((group) => group.options);
    const examples = Object.keys(command.examples);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(example).toContain(`probe ${name}`);
      for (const flag of example.match(/(?<= )--?[a-z][a-z-]*/g) ?? []) {
        expect(
          options.flatMap(({ short, long }) => [short, long]),
          example,
        ).toContain(flag);
      }
    }
  });

  test.each([
    ['a command', ['compar'], '(Did you mean compare?)'],
    ['a flag', ['compare', '--promt', 'Hello'], '(Did you mean --prompt?)'],
    ['a choice', ['compare', '--adapter', 'swiftshadr'], 'Did you mean swiftshader? The choices are auto, gpu,'],
    ['a stage', ['compare', '--stages', 'q_roe'], 'did you mean q_rope?'],
    ['a known bug', ['compare', '--inject', 'rope-halvs'], 'did you mean rope-halves?'],
    ['a known bug to list', ['bugs', '--only', 'rms-ep'], 'did you mean rms-eps?'],
  ])('%s that is mistyped is answered with the nearest', async (_, args, says) => {
    const { code, stderr } = await probe(args);
    expect(stderr).toContain(says);
    expect(code).toBe(2);
    const { json, stdout } = await probeJson<{ reason: string; verdict: string }>(args);
    expect(json.verdict, stdout).toBe('incomparable');
    expect(json.reason).toMatch(/did you mean/i);
  });

  test('a shell that there is no completion for is answered with the nearest', async () => {
    const { code, stderr } = await probe(['completion', 'fisch']);
    expect(stderr).toContain('Did you mean fish? The choices are bash, zsh, fish.');
    expect(code).toBe(2);
  });
});

const tooLong = (text: string): string[] => text.split('\n').filter((line) => line.length > COLUMNS);

describe('the pages about commands', () => {
  const files = commandFiles(ROOT);

  test('are up to date: node scripts/dist/command-docs.js writes them', () => {
    for (const [path, content] of files) expect(readFileSync(join(ROOT, path), 'utf8'), path).toBe(content);
    const kept = ['docs/commands', 'packages/probe/man'].flatMap((folder) =>
      readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
    );
    expect(kept.sort()).toEqual([...files.keys()].sort());
  });

  const groff = spawnSync('groff', ['--version']).status === 0;
  if (!groff) console.warn('man pages are not tested: groff is not installed.');
  test.runIf(groff)('are man pages that groff has nothing to say about', () => {
    const pages = [...files.keys()].filter((path) => path.endsWith('.1'));
    const all = ['-ww', '-man', '-Tutf8', '-P-cbou', ...pages.map((path) => join(ROOT, path))];
    const { stdout, stderr } = spawnSync('groff', all, { encoding: 'utf8' });
    expect(stderr).toBe(''); // it names the page
    expect(stdout.match(/^NAME/gm)).toHaveLength(pages.length);
  });

  test('are packed with the command', () => {
    const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: join(ROOT, 'packages/probe'),
      encoding: 'utf8',
    });
    const [{ files: inside }] = JSON.parse(packed) as [{ files: { path: string }[] }];
    expect(inside.map(({ path }) => path)).toContain('man/probe-compare.1');
  });
});
