/**
 * What it costs to import a file that does not fit in memory, beside what it costs to read it and nothing else, for docs/benchmarks.md: made for it, in a folder for
 * temporary files, and removed afterwards.
 *
 *   node scripts/dist/import-large.js [--gigabytes 10] [--format safetensors|npy] [--type F32|BF16|F16] [--times 3]
 *
 * A plain read is one of blocks of 16 MiB into one buffer; a plain copy writes them, too. Each is done in turn with the same by probe, so that both find
 * the same of the file in memory, and the best of so many is taken. Reading is what `probe import` does before it writes: every tensor as float32. It is done in a process of its
 * own, for what it takes of memory, and timed in it: to start that process and load its modules, which a plain read has no need of, is told beside it.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    gigabytes: { type: 'string', default: '10' },
    format: { type: 'string', default: 'safetensors' },
    type: { type: 'string', default: 'F32' },
    times: { type: 'string', default: '3' },
  },
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const PROBE = here('../../packages/probe/bin/probe.js');
const IMPORT = new URL('../../packages/import/dist/index.js', import.meta.url).href;
const READ = `import { openRun } from '${IMPORT}';
const begin = performance.now();
const run = await openRun(process.argv[1]);
for await (const _ of run.tensors({ isKept: false }));
await run.close();
console.log((performance.now() - begin) / 1000);`;
const BLOCK = 16 << 20;
const [ROWS, WIDTH] = [512, 8192]; // 16 MiB of float32, as a prompt of 512 tokens makes of a layer of 8192
const TYPES = { F32: [4, '<f4'], BF16: [2, 'bfloat16'], F16: [2, '<f2'] } as const;

const [size, descr] = TYPES[values.type as keyof typeof TYPES];
const bytes = ROWS * WIDTH * size;
const count = Math.ceil((Number(values.gigabytes) * 1e9) / bytes);
/** Finite floats of every type: no byte that is an exponent is 255 or 0. */
const block = Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i % 2 === 1 ? 60 : (i * 2654435761) >>> 24)));
interface Measured {
  readonly seconds: number;
  /** How long its process took besides. */
  readonly start: number;
  /** MiB. */
  readonly rss: number;
}

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-import-'));
try {
  const file = join(folder, 'large');
  if (values.format === 'npy') writeNpyFolder(file);
  else writeSafetensors(file);
  const files = values.format === 'npy' ? readdirSync(file).map((name) => join(file, name)) : [file];
  const total = files.reduce((sum, path) => sum + statSync(path).size, 0);
  const best: Record<string, Measured> = {};
  const measure = (name: string, run: () => Partial<Measured> | undefined) => {
    const begin = performance.now();
    const { rss = 0, seconds: own } = run() ?? {};
    const whole = (performance.now() - begin) / 1000;
    const { seconds, start } = { seconds: own ?? whole, start: whole - (own ?? whole) };
    process.stderr.write(`${name}: ${seconds.toFixed(1)} s\n`);
    const known = best[name];
    best[name] = {
      seconds: Math.min(seconds, known?.seconds ?? Infinity),
      start: Math.min(start, known?.start ?? Infinity),
      rss: Math.max(rss, known?.rss ?? 0),
    };
  };
  const out = join(folder, 'out.arrow');
  for (let time = 0; time < Number(values.times); time++) {
    measure('plain read', () => plain(files));
    measure('read by probe', () => inProcess(['--input-type=module', '-e', READ, file]));
    measure('plain copy', () => plain(files, join(folder, 'copy')));
    rmSync(join(folder, 'copy'));
    measure('probe import', () => inProcess([PROBE, 'import', file, out]));
    rmSync(out);
  }
  console.log(`${values.format}, ${values.type}, ${count} tensors, ${(total / 1e9).toFixed(1)} GB\n`);
  for (const [name, { seconds, start, rss }] of Object.entries(best)) {
    const beside = { 'read by probe': 'plain read', 'probe import': 'plain copy' }[name];
    const ratio = beside
      ? `  ${((best[beside]?.seconds ?? 0) / seconds).toFixed(2)} of a ${beside}, at most ${rss} MiB${start > 0 ? `, started in ${start.toFixed(2)} s` : ''}`
      : '';
    console.log(`${name.padEnd(16)}${(total / 1e9 / seconds).toFixed(2).padStart(6)} GB/s${ratio}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

function writeSafetensors(path: string): void {
  const entry = (i: number) => ({
    dtype: values.type,
    shape: [ROWS, WIDTH],
    data_offsets: [i * bytes, (i + 1) * bytes],
  });
  const text = JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`l_out-${i}`, entry(i)])));
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const to = openSync(path, 'w');
  for (const part of [length, header, ...Array<Buffer>(count).fill(block)]) writeSync(to, part);
  closeSync(to);
}

function writeNpyFolder(path: string): void {
  mkdirSync(path);
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${ROWS}, ${WIDTH}), }`;
  const header = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n`, 'latin1');
  for (let i = 0; i < count; i++) {
    const to = openSync(join(path, `l_out-${i}.npy`), 'w');
    for (const part of [header, block]) writeSync(to, part);
    closeSync(to);
  }
}

/** Reads these files and nothing more, or copies them into one. */
function plain(files: readonly string[], copy?: string): undefined {
  const buffer = Buffer.alloc(BLOCK);
  const to = copy === undefined ? undefined : openSync(copy, 'w');
  for (const path of files) {
    const from = openSync(path, 'r');
    for (let got = readSync(from, buffer); got > 0; got = readSync(from, buffer))
      if (to !== undefined) writeSync(to, buffer, 0, got);
    closeSync(from);
  }
  if (to !== undefined) closeSync(to);
}

/** A process of Node's, which says at its end how much memory it had at the most, in MiB, and how long it took where it has measured that. */
function inProcess(args: readonly string[]): Partial<Measured> {
  const atEnd = "process.on('exit', () => process.stderr.write('MAX ' + process.resourceUsage().maxRSS + '\\n'))";
  const preload = `--import=data:text/javascript,${encodeURIComponent(atEnd)}`;
  const { status, stderr, stdout } = spawnSync(process.execPath, [preload, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr + stdout);
  const rss = Math.round(Number(/MAX (\d+)/.exec(stderr)?.[1]) / 1024);
  return /^[\d.]+\s*$/.test(stdout) ? { rss, seconds: Number(stdout) } : { rss };
}
