import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STAGE_NAMES } from '@llama-probe/dump';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHELLS, type Shell } from '../src/completion/shells.js';

const PROBE = fileURLToPath(new URL('../bin/probe.js', import.meta.url));
const SUPPORT = fileURLToPath(new URL('./support/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'llama-probe-completion-'));

const run = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });

const isThere = (shell: Shell): boolean => {
  try {
    run(shell, ['--version']);
    return true;
  } catch {
    return false;
  }
};

/** How each shell is asked what it offers for a line. */
const ASK: Readonly<Record<Shell, (script: string, line: string) => string>> = {
  bash: (script, line) => run('bash', ['--norc', join(SUPPORT, 'complete.bash'), script, line]),
  zsh: (script, line) => run('zsh', ['-f', join(SUPPORT, 'complete.zsh'), script, line]),
  fish: (script, line) => run('fish', ['--no-config', '-c', `source ${script}; complete -C '${line}'`]),
};

beforeAll(() => {
  for (const shell of SHELLS) writeFileSync(join(folder, shell), run(process.execPath, [PROBE, 'completion', shell]));
  writeFileSync(join(folder, 'mine of today.arrow'), '');
  mkdirSync(join(folder, 'mine-dumps'));
});
afterAll(() => rmSync(folder, { recursive: true }));

for (const shell of SHELLS.filter((shell) => !isThere(shell))) {
  console.warn(`completion for ${shell} is not tested: ${shell} is not installed.`);
}

describe.each(SHELLS)('%s', (shell) => {
  /** The words that are offered: without descriptions, what was typed before the last comma, and slashes. */
  const offered = (line: string): string[] => {
    const lines = ASK[shell](join(folder, shell), line).replaceAll('\\', '').split('\n');
    const words = lines.map((word) =>
      word
        .replace(/\t.*/, '')
        .replace(/^--[a-z]+=/, '')
        .replace(/^.*,/, '')
        .replace(/\/$/, ''),
    );
    return [...new Set(words.filter((word) => word !== ''))].sort();
  };

  test.runIf(isThere(shell))('offers commands, options, values and files', { timeout: 60_000 }, () => {
    expect(offered('probe com')).toEqual(['compare', 'completion']);
    expect(offered('llama-probe dif')).toEqual(['diff']);
    expect(offered('probe help ins')).toEqual(['inspect']);
    expect(offered('probe compare --ma')).toEqual(['--map', '--margin', '--markdown']);
    expect(offered('probe inspect --marg')).toEqual([]);
    expect(offered('probe compare --reference ')).toEqual(['auto', 'exact', 'native']);
    expect(offered('probe compare --reference=ex')).toEqual(['exact']);
    expect(offered('probe compare --prompt Hello --adapter sw')).toEqual(['swiftshader']);
    expect(offered('probe completion ')).toEqual([...SHELLS].sort());
    expect(offered('probe compare --stages q_')).toEqual(STAGE_NAMES.filter((name) => name.startsWith('q_')).sort());
    expect(offered('probe compare --stages embd,q_p')).toEqual(['q_proj']);
    expect(offered('probe compare --inject rope-hal')).toEqual(['rope-halves']);
    expect(offered('probe bugs --only rope-halves,rms-ep')).toContain('rms-eps');
    expect(offered('probe compare --steps ')).toEqual([]);
    expect(offered('probe diff mine')).toEqual(['mine of today.arrow', 'mine-dumps']);
    expect(offered('probe compare -m mine')).toEqual(['mine of today.arrow', 'mine-dumps']);
    expect(offered('probe compare --out mine')).toEqual(['mine-dumps']);
  });
});
