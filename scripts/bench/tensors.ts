import { closeSync, copyFileSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare } from '@llama-probe/diff';
import { DumpWriter, openDump, type Tensor } from '@llama-probe/dump';
import { best, bestOfEach, type Line } from './clock.js';
import type { Machine } from './machine.js';

const TENSORS = 128;
const ROWS = 32;
const WIDTH = 8192;

/** Writing, reading and comparing dumps of 128 MiB. */
export async function measureTensors(machine: Machine): Promise<Line[]> {
  const directory = mkdtempSync(join(tmpdir(), 'llama-probe-bench-'));
  const path = join(directory, 'a.arrow');
  const values = Float32Array.from({ length: ROWS * WIDTH }, () => Math.random() - 0.5);
  const tokens = Int32Array.from({ length: ROWS }, (_, row) => row);
  const tensor = (layer: number): Tensor => ({
    step: 0,
    order: layer,
    layer,
    stage: 'l_out',
    positions: tokens,
    width: WIDTH,
    values,
  });
  const bytes = TENSORS * values.byteLength;
  const about = { producer: { name: 'bench', version: '0' }, tokens: Array.from(tokens) };
  try {
    const write = await best(3, () => {
      const dump = new DumpWriter(path);
      for (let layer = 0; layer < TENSORS; layer++) dump.write(tensor(layer));
      dump.close(about);
    });
    const read = await best(3, async () => {
      const dump = await openDump(path);
      for await (const _ of dump.tensors());
      await dump.close();
    });
    const same = { candidate: about.tokens, reference: about.tokens };
    const other = join(directory, 'b.arrow');
    copyFileSync(path, other);
    const [loop, diff] = (await bestOfEach(5, [
      () => sumSquares(path, other),
      async () => {
        const [a, b] = [await openDump(path), await openDump(other)];
        await compare(a.tensors(), b.tensors(), { rule: { margin: 10, minimum: 1e-5 }, tokens: same });
        await Promise.all([a.close(), b.close()]);
      },
    ])) as [number, number];
    return [
      rate('dump writing', bytes / write, machine.disk, 'host writes to disk'),
      rate('dump reading', bytes / read, machine.memory, 'host copies memory'),
      {
        ...rate('diff of two dumps', (2 * bytes) / diff, (2 * bytes) / loop, 'a loop that reads both and sums squares'),
        target: '>=0.5',
      },
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What a loop of one thread takes that reads two files by blocks, and sums the squares of what they have and of their difference. */
function sumSquares(...paths: [string, string]): [number, number, number] {
  const files = paths.map((path) => openSync(path, 'r')) as [number, number];
  const [a, b] = [new Float32Array(1 << 18), new Float32Array(1 << 18)];
  const sums: [number, number, number] = [0, 0, 0];
  for (let read = 1; read > 0; ) {
    read = readSync(files[0], a);
    readSync(files[1], b);
    addSquares(a.subarray(0, read / 4), b, sums);
  }
  for (const file of files) closeSync(file);
  return sums;
}

function addSquares(a: Float32Array, b: Float32Array, sums: [number, number, number]): void {
  let [ofA, ofB, ofBoth] = sums;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    ofA += x * x;
    ofB += y * y;
    ofBoth += (x - y) * (x - y);
  }
  sums[0] = ofA;
  sums[1] = ofB;
  sums[2] = ofBoth;
}

const rate = (name: string, value: number, limit: number, of: string): Line => ({
  name,
  value: value / 1e9,
  unit: 'GB/s',
  ratio: value / limit,
  of,
});
