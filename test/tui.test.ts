import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '@llama-probe/dump';
import { inShort } from '@llama-probe/testing';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hasOtherBuild } from './support/builds.js';
import { loadDump, writeDump } from './support/dumps.js';
import { path } from './support/probe.js';
import { childrenOf, isRunning, until } from './support/processes.js';
import { probe } from './support/session.js';
import { closeTerminals, hasTmux, Terminal } from './support/terminal.js';

const SMALL = { columns: 80, rows: 24 };
const LARGE = { columns: 200, rows: 60 };

const HELD = new URL('support/held.mjs', import.meta.url).href;
const STREAM = fileURLToPath(new URL('support/stream.mjs', import.meta.url));

afterEach(closeTerminals);

let reference: string;
let sick: string;

/**
 * llama.cpp's own stages, and the same with one scaled by 1.5. That one's numbers are made up, of few enough bits that none of what is
 * shown of them was rounded: a screen is the same whatever llama.cpp's build and the adapter have made of all the others.
 */
beforeAll(async () => {
  if (!hasTmux) return;
  const captured = path('llama.arrow');
  const args = ['--tokens', '1,15,7,22', '--steps', '2', '--no-floors'];
  const { code, stderr } = await probe([
    'capture',
    '--from',
    'llama',
    '--reference',
    'exact',
    ...args,
    '--out',
    captured,
  ]);
  expect(code, stderr).toBe(0);
  const theirs = await loadDump(captured);
  const isHere = ({ stage, layer }: Tensor) => stage === 'q_rope' && layer === 1;
  const change =
    (is: (tensor: Tensor) => boolean, to: (x: number, i: number, row: number) => number) => (tensor: Tensor) =>
      is(tensor)
        ? {
            ...tensor,
            values: tensor.values.map((x, i) => to(x, i, tensor.positions[Math.floor(i / tensor.width)] as number)),
          }
        : tensor;
  // Not rotated: pairs of q_proj and q_rope have the same length, as they must. Rows shrink, so that the first is the largest.
  const isQuery = ({ stage, layer }: Tensor) => (stage === 'q_proj' || stage === 'q_rope') && layer === 1;
  const tensors = theirs.tensors.map(change(isQuery, (_, i, row) => (((i * 37) % 101) - 50) / 2 ** (4 + row)));
  reference = writeDump({ ...theirs, tensors }, (all) => all);
  sick = writeDump({ ...theirs, tensors }, (all) => all.map(change(isHere, (x) => 1.5 * x)));
});

/** A screen without what differs from run to run: how long it took, and how much room that leaves for the rest of the line. */
const stable = (screen: string) =>
  screen
    .replace(/\d+\.\d s|\d+ min \d+ s/g, '0.0 s')
    .replace(/ · \d+ to?k?.* (?=\d+ stages · )/g, ' … ')
    .replace(/[ ─]+(?=[│╮╯]?$)/gm, (gap) => gap[0] ?? '');

const diff = () => `diff ${sick} ${reference} --no-floors`;

describe.skipIf(!hasTmux)('the terminal view', () => {
  test('start, fill, move, open, filter, resize, quit', async () => {
    const go = path('go');
    const held = { NODE_OPTIONS: `--import ${HELD}`, HELD: 'terminal-child.js', HELD_UNTIL: go };
    const terminal = new Terminal(SMALL, held);
    /** What is on it in both sizes, and in the first one again: it follows its terminal. */
    const shows = async (name: string, text: string | RegExp) => {
      const small = stable(await terminal.sees(text));
      expect(small).toMatchSnapshot(`${name} at 80 × 24`);
      terminal.resize(LARGE);
      await terminal.until('60 rows', (screen) => screen.split('\n').length === LARGE.rows);
      expect(stable(await terminal.sees(text))).toMatchSnapshot(`${name} at 200 × 60`);
      terminal.resize(SMALL);
      await terminal.until(`${name} at 80 × 24 again`, (screen) => stable(screen) === small);
    };
    terminal.probe(diff());
    // There is a picture before anything is compared.
    expect(await terminal.sees('stages × layers')).not.toContain('✗ diverged');
    writeFileSync(go, '');
    await terminal.sees('✗ diverged');
    await shows('filled', 'q_rope of layer 1');

    terminal.press('Down', 'j', 'l');
    await terminal.sees(/kq of layer 2 · /);
    terminal.press('N'); // back to the fault
    await terminal.sees(/✗ q_rope of layer 1 · /);

    terminal.press('Enter');
    await terminal.sees('1 overview');
    await shows('opened', 'limit of a row');
    terminal.press('2');
    await terminal.sees(/row \d of 4 · 256 values · |row \d of 4 · 256 values/);
    terminal.press('Escape');
    await terminal.sees('stages × layers');

    terminal.press('/');
    await terminal.sees('name, verdict');
    for (const letter of 'rope l0-2') terminal.press(letter === ' ' ? 'Space' : letter);
    terminal.press('Enter');
    await terminal.sees(/\d of 6/);
    await shows('filtered', /q_rope of layer 0 · /);

    terminal.resize({ columns: 40, rows: 8 });
    const tiny = await terminal.sees('60 × 16 or more');
    expect(tiny).toContain('40 × 8');
    terminal.resize(LARGE);
    expect(await terminal.sees('stages × layers')).toContain('of limit');
    terminal.press('q');
    expect(await terminal.exitCode()).toBe(1);
  });

  test('a bug is found, named and pinned on top while it runs, and what was found stays among the shell’s lines', async () => {
    const terminal = new Terminal(LARGE);
    terminal.probe('compare --prompt "What is 2 plus 3?" --steps 0 --no-floors --inject rope-halves');
    await terminal.sees(/running.*smalltalk/);
    const screen = await terminal.sees('✗ diverged');
    expect(screen).toMatch(/first wrong: q_rope of layer 0 · Δ \d\.\de-1 \(\de\+4 ×\) · from token 1/);
    expect(screen).toMatch(/✗ RoPE turns the halves of a head, not neighbours: q_rope and k_rope, layers 0 to 3/);
    expect(screen).toMatch(/0 q_rope .* ✗ rope-halves/);
    expect(screen).toMatch(/↳ 15 stages inherit from k_rope 0/);
    terminal.press('f');
    await terminal.sees(/0 kq .* ↳ from k_rope 0/);

    terminal.press('t'); // from the reference's inputs only the ropes are wrong
    const forced = await terminal.sees('t free');
    expect(forced).not.toContain('↳ from');
    terminal.press('n', 'n', 'n');
    await terminal.sees(/✗ k_rope of layer 1 · /);

    terminal.press('q');
    expect(await terminal.exitCode()).toBe(1);
    expect(await terminal.history()).not.toContain('stages × layers');
  });

  test('a healthy run says how close it is, and t offers the other pass', async () => {
    const terminal = new Terminal(SMALL);
    terminal.probe('compare --prompt Hello --steps 0 --no-floors');
    await terminal.sees('✓ agree');
    terminal.press('t');
    await terminal.sees('Run it?');
    terminal.press('y');
    await terminal.sees('run 2');
    await terminal.sees('✓ agree');
    await terminal.sees('t free'); // what was asked for is shown
    terminal.press('q');
    expect(await terminal.exitCode()).toBe(0);
  });

  test('an export is written, and nothing is replaced without being asked', async () => {
    const terminal = new Terminal(SMALL);
    const file = path('report.csv');
    terminal.probe(`${diff()} --markdown ${path('report.md')}`);
    await terminal.sees('wrote');
    const write = async () => {
      terminal.press('e', '5'); // csv
      await terminal.sees('report.csv');
      terminal.press('C-u');
      terminal.run(file);
    };
    await write();
    await terminal.sees(`wrote ${file.slice(0, 40)}`);
    const csv = readFileSync(file, 'utf8');
    expect(csv).toContain('q_rope');

    writeFileSync(file, 'somebody’s own');
    await write();
    await terminal.sees('there already');
    terminal.press('Escape');
    await terminal.until('the question to go', (screen) => !screen.includes('there already'));
    expect(readFileSync(file, 'utf8')).toBe('somebody’s own');
    await write();
    await terminal.sees('there already');
    terminal.press('y');
    await terminal.sees(`wrote ${file.slice(0, 40)}`);
    expect(readFileSync(file, 'utf8')).toBe(csv);
    expect(readdirSync(dirname(file)).filter((name) => name.includes('partial'))).toEqual([]);
    terminal.press('q');
    await terminal.exitCode();
  });

  test('NO_COLOR leaves the glyphs and no colour', async () => {
    const terminal = new Terminal(LARGE, { NO_COLOR: '1', CI: 'false' });
    terminal.probe(diff());
    await terminal.sees('✗ diverged');
    const screen = await terminal.screen({ colors: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
    const codes = [...screen.matchAll(/\x1b\[([\d;]*)m/g)].flatMap(([, code = '']) => code.split(';').map(Number));
    expect(codes.filter((code) => code >= 30 && code !== 39 && code !== 49)).toEqual([]);
    for (const glyph of ['░', '█', '✗', ...(hasOtherBuild ? ['━'] : []), '▸']) expect(screen).toContain(glyph);
  });

  test('without a terminal, and with --no-tui, there is text', async () => {
    const terminal = new Terminal(LARGE);
    terminal.probe(`${diff()} | tail -n 3`);
    await terminal.sees(/^\d+\.\d s/m);
    terminal.probe(`${diff()} --no-tui; echo code-$?`);
    await terminal.sees('code-1');
    expect((await terminal.history()).split('--no-tui')[1]).toContain('where to look: ');
  });
});

describe.skipIf(!hasTmux)('the keyboard', () => {
  test.each(inShort([1000, 60], 1))('no key is dropped while %d stages a second stream in', async (rate) => {
    const terminal = new Terminal(LARGE);
    terminal.run(`${process.execPath} ${STREAM} ${rate}`);
    await terminal.sees(/[1-9]\d* of \d{6}/);
    terminal.press('Tab', 'g');
    await terminal.sees(/─ 1 of \d+ ─/);
    await terminal.sees(/─ 1 of \d{3} ─/);
    for (let i = 0; i < 10; i++) {
      terminal.press(...'jjjjjjkjjjj'); // 9 rows down
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await terminal.sees(/─ 91 of \d+ ─/);
    terminal.press('q');
    const [, measured = '{}'] = /measured (\{.*\})/.exec(await terminal.sees('measured {')) ?? [];
    console.info(`${rate} stages a second at 200 × 60: ${measured}`);
    expect(JSON.parse(measured).stagesPerSecond).toBeGreaterThan(0); // how many depends on what else the machine does
  });
});

describe.skipIf(!hasTmux)('--watch', () => {
  test('runs again when a dump changes, and says what got better', async () => {
    const terminal = new Terminal(LARGE);
    const mine = path('mine.arrow');
    copyFileSync(sick, mine);
    terminal.probe(`diff ${mine} ${reference} --no-floors --watch`);
    await terminal.sees('waiting for a change');
    await terminal.sees('✗ diverged');
    copyFileSync(reference, mine);
    const screen = await terminal.sees('✓ agree');
    expect(screen).toContain('run 2');
    expect(screen).toMatch(/better: .*the sides agree now/);
    terminal.press('/', ...'q_rope', 'Enter');
    await terminal.sees('▼');
    terminal.press('q');
    expect(await terminal.exitCode()).toBe(0);
  });
});

describe.skipIf(!hasTmux)('the terminal is given back', () => {
  const LONG = 'compare --prompt "Once upon a time there was a little girl" --steps 400 --no-floors';

  /** Runs something to be ended, and looks at what it leaves behind. */
  async function left(end: (terminal: Terminal, pid: number) => void | Promise<void>, args = LONG) {
    const terminal = new Terminal(SMALL);
    const before = await terminal.shell('stty -a');
    terminal.probe(args);
    await terminal.sees(/[1-9]\d* of \d{4}/);
    expect(await terminal.ask('alternate_on')).toBe('1');
    expect(await terminal.ask('cursor_flag')).toBe('0');
    const shell = Number(await terminal.ask('pane_pid'));
    const [pid = 0] = childrenOf(shell);
    const workers = [...childrenOf(pid), ...childrenOf(pid).flatMap(childrenOf)];
    expect(workers.length).toBeGreaterThan(0);
    await end(terminal, pid);
    const code = await terminal.exitCode();
    const said = await terminal.history();
    expect(await terminal.ask('alternate_on')).toBe('0');
    expect(await terminal.ask('cursor_flag')).toBe('1');
    expect(await terminal.shell('stty -a')).toBe(before);
    await until('the other processes to end', () => workers.every((worker) => !isRunning(worker)));
    return { code, said };
  }

  const killChildren = (pid: number) => {
    for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL');
  };
  test.each(
    inShort(
      [
        ['q', (terminal) => terminal.press('q')],
        ['Ctrl-C', (terminal) => terminal.press('C-c')],
        ['SIGTERM', (_, pid) => void process.kill(pid, 'SIGTERM')],
        ['the comparing process was killed', (_, pid) => killChildren(pid)],
      ] satisfies [what: string, end: (terminal: Terminal, pid: number) => void][],
      2,
    ),
  )('after %s', async (_, end) => {
    const { code } = await left(end);
    expect(code).toBe(2);
  });

  test('Ctrl-Z gives it to the shell, through npm’s runner too, and fg draws it again', async () => {
    const terminal = new Terminal(SMALL);
    const before = await terminal.shell('stty -a');
    // As npx does it: a process waits for a shell that waits for the command.
    const wrapper = `require("child_process").spawn("sh", ["-c", process.argv[1] + "; exit $?"], { stdio: "inherit" }).on("exit", process.exit)`;
    const command = `${process.execPath} ${fileURLToPath(new URL('../packages/probe/bin/probe.js', import.meta.url))} ${diff()}`;
    terminal.run(`${process.execPath} -e '${wrapper}' '${command}'`);
    await terminal.sees('✗ diverged');
    terminal.press('C-z');
    await terminal.sees('Stopped');
    expect(await terminal.ask('alternate_on')).toBe('0');
    expect(await terminal.shell('stty -a')).toBe(before);
    expect(await terminal.screen()).not.toContain('stages × layers');
    terminal.run('fg');
    await terminal.sees('stages × layers');
    await terminal.sees('q_rope of layer 1');

    // A signal to the command alone stops all of the job, too.
    const [runner = 0] = childrenOf(Number(await terminal.ask('pane_pid')));
    const [pid = 0] = childrenOf(runner).flatMap(childrenOf);
    process.kill(pid, 'SIGTSTP');
    await terminal.sees('Stopped');
    expect(await terminal.ask('alternate_on')).toBe('0');
    expect(await terminal.shell('stty -a')).toBe(before);
    terminal.run('fg');
    await terminal.sees('stages × layers');
    terminal.press('q');
    expect(await terminal.exitCode()).toBe(1);
  });

  test('after an error, which is said', async () => {
    const terminal = new Terminal(SMALL);
    terminal.probe('compare --model nowhere.gguf; echo code-$?');
    const screen = await terminal.sees('code-2');
    expect(screen).toContain('nowhere.gguf');
    expect(screen).not.toContain('    at '); // a stack trace
    expect(await terminal.ask('alternate_on')).toBe('0');
  });
});
