/**
 * How long somebody waits for the terminal view: from the start of the command to its first picture, and from a key to the screen, while a
 * comparison runs and after it. In a real pseudo-terminal, which util-linux's `script` opens.
 *
 *   node scripts/dist/view-latency.js [--starts 20] [--keys 300]
 *
 * On a machine with other work the times are of both. So it says how long an empty Node.js process takes just then, start to end, and how much
 * CPU time the view itself took, and the load. Linux only.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import xterm from '@xterm/headless';

const { values } = parseArgs({
  options: { starts: { type: 'string', default: '20' }, keys: { type: 'string', default: '300' } },
});
const SIZE = { columns: 120, rows: 40 };
const TARGET = { paint: 300, key: 50 }; // ms
const PROBE = fileURLToPath(new URL('../../packages/probe/bin/probe.js', import.meta.url));

/** The view, and what its screen shows. */
class View {
  readonly begun = performance.now();
  private readonly child: ChildProcess;
  private readonly screen = new xterm.Terminal({ cols: SIZE.columns, rows: SIZE.rows, allowProposedApi: true });
  private changed: () => void = () => {};

  constructor(steps: number) {
    const command = `stty cols ${SIZE.columns} rows ${SIZE.rows}; exec ${process.execPath} ${PROBE} compare --prompt Hello --steps ${steps}`;
    const { CI: _, ...env } = process.env;
    this.child = spawn('script', ['-qfec', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...env, TERM: 'xterm-256color' },
    });
    this.child.stdout?.on('data', (bytes: Buffer) => this.screen.write(bytes, () => this.changed()));
  }

  /** What the process of the view has had of the CPU, in milliseconds. */
  cpu(): number {
    const { pid } = this.child;
    const [view] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    // After the name in parentheses: the state is the third field, utime and stime the 14th and 15th, in hundredths of a second.
    const fields = readFileSync(`/proc/${view}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return 10 * (Number(fields[11]) + Number(fields[12]));
  }

  press(key: string): void {
    this.child.stdin?.write(key);
  }

  lines(): string[] {
    const { active } = this.screen.buffer;
    return Array.from({ length: SIZE.rows }, (_, i) => active.getLine(active.viewportY + i)?.translateToString() ?? '');
  }

  /** Where the cursor of the map and the table is. */
  cursor(): string {
    return this.lines()
      .flatMap((line, row) => [...line.matchAll(/▸/g)].map(({ index }) => `${row}/${index}`))
      .join();
  }

  /** @returns milliseconds until then @throws after a minute */
  until(isSo: () => boolean, from = performance.now()): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`waited in vain; the screen shows:\n${this.lines().join('\n')}`)),
        60_000,
      );
      this.changed = () => {
        if (!isSo()) return;
        clearTimeout(timer);
        this.changed = () => {};
        resolve(performance.now() - from);
      };
      this.changed();
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.child.once('exit', () => resolve());
      this.press('\x03');
    });
  }
}

const shows = (view: View, text: string) => () => view.lines().some((line) => line.includes(text));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Waits {
  readonly times: readonly number[];
  /** For each of them, in the mean. */
  readonly cpu: number;
}

/** An empty process, start to end. */
function emptyProcesses(count: number): Waits {
  const times = Array.from({ length: count }, () => {
    const begun = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    return performance.now() - begun;
  });
  return { times, cpu: Number.NaN };
}

async function firstPaints(count: number): Promise<Waits> {
  const times: number[] = [];
  let cpu = 0;
  for (let i = 0; i < count; i++) {
    const view = new View(0);
    times.push(await view.until(shows(view, 'stages × layers'), view.begun));
    cpu += view.cpu() / count;
    await view.close();
  }
  return { times, cpu };
}

/** @param done whether the comparison is over when keys are pressed */
async function keys(count: number, done: boolean): Promise<Waits> {
  const times: number[] = [];
  let cpu = 0;
  while (times.length < count) {
    const view = new View(done ? 2 : 60);
    await view.until(shows(view, done ? 'agree ' : ' of '));
    await view.until(() => view.cursor() !== '');
    view.press('g');
    await pause(300);
    const had = view.cpu();
    for (let i = 0; times.length < count && (done || !shows(view, '✓ agree')()); i++) {
      const [before, begun] = [view.cursor(), performance.now()];
      view.press(i % 20 < 10 ? 'j' : 'k');
      times.push(await view.until(() => view.cursor() !== before, begun));
      await pause(20 + Math.random() * 60);
    }
    cpu += (view.cpu() - had) / count;
    await view.close();
  }
  return { times, cpu };
}

function say(what: string, { times, cpu }: Waits, target = Number.POSITIVE_INFINITY): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  const of = (share: number) => `${at(share).toFixed(0)} ms`.padStart(8);
  const own = Number.isNaN(cpu) ? '' : `, CPU ${cpu.toFixed(0)} ms each`;
  const wanted =
    target === Number.POSITIVE_INFINITY ? '' : ` (target ≤ ${target} ms${at(0.99) <= target ? '' : ', MISSED'})`;
  console.log(`${what.padEnd(32)} median ${of(0.5)}   p99 ${of(0.99)}   of ${times.length}${own}${wanted}`);
}

const load = () =>
  loadavg()
    .map((one) => one.toFixed(1))
    .join(', ');
console.log(`${cpus().length} cores, load averages at the beginning ${load()}`);
say('an empty process, start to end', emptyProcesses(Number(values.starts)));
say('start to first picture', await firstPaints(Number(values.starts)), TARGET.paint);
say('key to screen, while it runs', await keys(Number(values.keys), false), TARGET.key);
say('key to screen, once it is over', await keys(Number(values.keys), true), TARGET.key);
console.log(`load averages at the end ${load()}`);
