import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface Recording {
  /** What to run; `probe` is this repository's. */
  readonly command: string;
  /** What the screen shows when the command has come to its result. */
  readonly until: RegExp;
  readonly columns: number;
  readonly rows: number;
}

const PROBE = fileURLToPath(new URL('../../../packages/probe/bin/probe.js', import.meta.url));
const PATIENCE = 60_000; // ms
const STILL = 1500; // ms without a change: the result is whole

/** Runs a command in a terminal of its own. @returns the screen with its colours, as escape sequences */
export async function recordScreen({ command, until, columns, rows }: Recording): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'llama-probe-picture-'));
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-S', join(folder, 'socket'), '-f', '/dev/null', ...args], { encoding: 'utf8' });
  const probe = join(folder, 'probe');
  writeFileSync(probe, `#!/bin/sh\nexec '${process.execPath}' '${PROBE}' "$@"\n`);
  chmodSync(probe, 0o755);
  const { CI: _, NO_COLOR: __, ...env } = process.env;
  const line = `PATH='${folder}':"$PATH"; clear; ${command}; sleep 60`;
  try {
    execFileSync(
      'tmux',
      ['-S', join(folder, 'socket'), '-f', '/dev/null', 'new-session', '-d', '-x', `${columns}`, '-y', `${rows}`, line],
      { env: { ...env, COLORTERM: 'truecolor' } },
    );
    let [last, since] = ['', Date.now()];
    for (const begin = Date.now(); Date.now() - begin < PATIENCE; await sleep(100)) {
      const screen = tmux('capture-pane', '-p', '-e', '-t', '0');
      if (screen !== last) [last, since] = [screen, Date.now()];
      if (until.test(tmux('capture-pane', '-p', '-t', '0')) && Date.now() - since > STILL) return screen;
    }
    throw new Error(`${command} did not show ${until} within ${PATIENCE / 1000} s:\n${last}`);
  } finally {
    tmux('kill-server');
    rmSync(folder, { recursive: true, force: true });
  }
}
