import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { TEMPORARY } from './support/probe.js';

const SCRIPT = fileURLToPath(new URL('../scripts/dist/hostile-files.js', import.meta.url));

/** The campaign of docs/limits.md with few cases; its seed is printed where something is wrong. */
async function campaign(...args: string[]): Promise<{ code: number | null; stdout: string }> {
  const seed = process.env.SEED === undefined ? [] : ['--seed', process.env.SEED];
  const child = spawn(process.execPath, [SCRIPT, ...args, ...seed], {
    env: { ...process.env, TMPDIR: TEMPORARY },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const [code] = await once(child, 'close');
  return { code, stdout };
}

test('nothing falls, hangs or prints what it may not at damaged and hostile files', async () => {
  const { code, stdout } = await campaign('--models', '40', '--dumps', '20', '--foreign', '20', '--commands', '0');
  expect(stdout, stdout).toContain('40 models, 20 dumps, 20 foreign, 0 commands, 0 broken: 0 problems.');
  expect(code).toBe(0);
});

test('what falls, hangs or complains is seen, with its number', async () => {
  const { code, stdout } = await campaign(
    '--models',
    '0',
    '--dumps',
    '0',
    '--foreign',
    '0',
    '--commands',
    '0',
    '--broken',
    '7',
    '--hangs',
    '1',
  );
  for (const what of [
    /1: hangs/,
    /2: the process fell \(exit code 1\)/,
    /3: the process fell/,
    /4: .*TypeError/,
    /5: what a file/,
  ]) {
    expect(stdout).toMatch(new RegExp(`broken:${what.source}`));
  }
  expect(stdout).toContain('7 broken: 5 problems.');
  expect(code).toBe(1);
});
