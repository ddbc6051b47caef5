import { appendFileSync, copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Changes } from '../packages/comparison/src/watch/change.js';
import type { Report } from '../packages/probe/src/index.js';
import { type Ended, type Options, path, start } from './support/probe.js';
import { childrenOf, isRunning, until } from './support/processes.js';
import { probe } from './support/session.js';
import { brokenShaders } from './support/shaders.js';

const HELLO = ['--prompt', 'Hello', '--steps', '0', '--no-floors'];
const HELD = new URL('support/held.mjs', import.meta.url).href;

/** A run of the command that goes on until it is told to end. */
function watching(args: readonly string[], options: Options = {}) {
  const { child, ended } = start([...args, '--watch'], options);
  let [out, err] = ['', ''];
  child.stdout?.on('data', (text: string) => {
    out += text;
  });
  child.stderr?.on('data', (text: string) => {
    err += text;
  });
  let seen = 0;
  let waits = 0;
  running = () => child.kill('SIGKILL');
  return {
    child,
    /** What it prints until something has come that was not there before, and it says that it waits for the next change. */
    async next(what: RegExp): Promise<string> {
      await until(String(what), () => what.test(out.slice(seen)));
      await until('the end of the run', () => err.split('waiting for a change').length - 1 > waits);
      waits++;
      const text = out.slice(seen);
      seen = out.length;
      return text;
    },
    async end(signal: NodeJS.Signals = 'SIGINT'): Promise<Ended> {
      child.kill(signal);
      return ended;
    },
  };
}

let running: (() => void) | undefined;
afterEach(() => running?.());

/** RoPE of other angles: the sum instead of the difference. */
function breakRope(shaders: string): { mend(): void } {
  const file = join(shaders, 'rope.wgsl');
  const right = readFileSync(file, 'utf8');
  const wrong = right.replace('a * r.x - b * r.y', 'a * r.x + b * r.y');
  expect(wrong).not.toBe(right);
  writeFileSync(file, wrong);
  return { mend: () => writeFileSync(file, right) };
}

describe('compare --watch', () => {
  test('a shader is broken, does not compile, and is mended', async () => {
    const shaders = brokenShaders([]);
    const html = path('report.html');
    const watch = watching(['compare', ...HELLO, '--html', html], { env: { LLAMA_PROBE_SHADERS: shaders } });
    expect(await watch.next(/✓ agree.*\n/)).toContain('All 80 stages agree');
    const page = readFileSync(html, 'utf8');

    const { mend } = breakRope(shaders);
    const worse = await watch.next(/run 2: rope\.wgsl changed/);
    expect(worse).toMatch(/✗ diverged: .*q_rope/);
    expect(worse).toContain('q_rope of layer 0 is the first stage that is wrong');
    expect(worse).toMatch(/^worse: .*q_rope of layer 0 is the first wrong stage \(\S+ → \S+\)/m);
    expect(worse).toMatch(/▲ q_rope of layers 0 to 3.* → .*\(agrees → diverged\)/);
    expect(worse).toMatch(/▲ \d+ stages that inherit from a fault/);
    expect(worse).not.toContain('▼');
    expect(readFileSync(html, 'utf8')).not.toBe(page);

    writeFileSync(join(shaders, 'soft_max.wgsl'), 'fn main( {');
    expect(await watch.next(/run 3/)).toMatch(/✗ could not be run: .*WGSL/);

    copyFileSync('packages/engine/shaders/soft_max.wgsl', join(shaders, 'soft_max.wgsl'));
    expect(await watch.next(/run 4/)).toContain('no change: the sides still have diverged.');

    mend();
    const better = await watch.next(/run 5/);
    expect(better).toContain('✓ agree');
    expect(better).toMatch(/^better: the sides agree now/m);
    expect(better).toMatch(/▼ q_rope of layers 0 to 3.*\(diverged → agrees\)/);
    expect(better).not.toContain('▲');

    const { code, stderr } = await watch.end();
    expect(code, stderr).toBe(0);
  });

  test('Ctrl-C before the first run is at its end: it could not be told', async () => {
    const { child, ended } = start(['compare', ...HELLO, '--watch']);
    await until('llama.cpp to start', () => childrenOf(child.pid as number).length > 0);
    const children = childrenOf(child.pid as number);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect(stderr).toContain('Interrupted (SIGINT)');
    expect(code).toBe(2);
    expect(children.filter(isRunning)).toEqual([]);
  });

  test('--json: a line for each run, a report with what changed; Ctrl-C has the exit code of the last one, and leaves no process', async () => {
    const shaders = brokenShaders([]);
    const watch = watching(['compare', ...HELLO, '--json'], { env: { LLAMA_PROBE_SHADERS: shaders } });
    await watch.next(/\n/);
    breakRope(shaders);
    await watch.next(/\n/);
    const children = childrenOf(watch.child.pid as number);
    const { code, stdout } = await watch.end();
    expect(children.filter(isRunning)).toEqual([]);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)) as Watched[];
    expect(lines.map(({ verdict, watch: { run } }) => [run, verdict])).toEqual([
      [1, 'agree'],
      [2, 'diverged'],
    ]);
    expect(lines[0]?.watch).toEqual({ run: 1, changed: [], changes: null });
    expect(lines[1]?.watch).toMatchObject({
      changed: [join(shaders, 'rope.wgsl')],
      changes: { direction: 'worse', first: { before: null, after: { stage: 'q_rope', layer: 0 } } },
    });
    expect(code).toBe(1);
  });

  test('a change while a run is going on starts it anew', async () => {
    const shaders = brokenShaders([]);
    const go = path('go');
    // llama.cpp's process stands still: the run does not end before the change is seen.
    const held = { NODE_OPTIONS: `--import ${HELD}`, HELD: 'reference/dist/bundle/child.js', HELD_UNTIL: go };
    const watch = watching(['compare', ...HELLO, '--json'], { env: { LLAMA_PROBE_SHADERS: shaders, ...held } });
    await until('llama.cpp to start', () => childrenOf(watch.child.pid as number).length > 0);
    const children = childrenOf(watch.child.pid as number);
    appendFileSync(join(shaders, 'rope.wgsl'), '// changed\n');
    await until('the run to be left', () => !children.some(isRunning));
    writeFileSync(go, '');
    await watch.next(/\n/);
    const { stdout } = await watch.end();
    const [first] = stdout.split('\n').map((line) => (line === '' ? undefined : (JSON.parse(line) as Watched)));
    expect(first?.watch).toEqual({ run: 2, changed: [join(shaders, 'rope.wgsl')], changes: null });
    expect(first?.verdict).toBe('agree');
  });

  test('what no change of a file can mend ends it at once', async () => {
    const typo = await probe(['compare', '--watch', '--stages', 'q_rop']);
    expect(typo.stderr).toContain('did you mean q_rope');
    expect(typo.code).toBe(2);
    const missing = await probe(['compare', '--watch', '--model', path('no.gguf')]);
    expect(missing.stderr).toMatch(/^probe: .*no\.gguf/m);
    expect(missing.code).toBe(2);
  });
});

type Watched = Report & {
  readonly watch: { readonly run: number; readonly changed: readonly string[]; readonly changes: Changes | null };
};

describe('diff --watch', () => {
  test('a dump is replaced, damaged, gone, and back', async () => {
    const [healthy, sick, mine] = [path('healthy.arrow'), path('sick.arrow'), path('mine.arrow')];
    const short = ['--tokens', '1,468', '--steps', '0'];
    const captured = await probe(['capture', '--from', 'webgpu', ...short, '--out', healthy]);
    expect(captured.code, captured.stderr).toBe(0);
    const broken = brokenShaders([]);
    breakRope(broken);
    await probe(['capture', '--from', 'webgpu', ...short, '--out', sick], { env: { LLAMA_PROBE_SHADERS: broken } });
    expect(existsSync(sick)).toBe(true);

    copyFileSync(healthy, mine);
    const watch = watching(['diff', mine, healthy]);
    await watch.next(/✓ agree/);

    copyFileSync(sick, `${mine}.part`);
    renameSync(`${mine}.part`, mine);
    const worse = await watch.next(/run 2/);
    expect(worse).toMatch(/^worse: .*q_rope of layer 0 is the first wrong stage/m);
    expect(worse).toContain('mine.arrow changed');

    writeFileSync(mine, readFileSync(mine).subarray(0, 5000));
    expect(await watch.next(/run 3/)).toMatch(/✗ could not be run: .*mine\.arrow/);

    rmSync(mine); // packages/probe/test/watch-files.test.ts: that alone is no change
    copyFileSync(healthy, mine);
    expect(await watch.next(/run 4/)).toMatch(/^better: the sides agree now/m);
    expect((await watch.end()).code).toBe(0);
  });
});
