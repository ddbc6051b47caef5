import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare } from '@llama-probe/diff';
import { DumpWriter, openDump, type Tensor } from '@llama-probe/dump';
import { best, type Line } from './clock.js';
import type { Machine } from './machine.js';

const TENSORS = 256;
const ROWS = 32;
const WIDTH = 8192;

/** Writing, reading and comparing dumps of 256 MiB. */
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
  async function* run(): AsyncGenerator<Tensor> {
    for (let layer = 0; layer < TENSORS; layer++) yield tensor(layer);
  }
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
    const diff = await best(3, () => compare(run(), run(), { rule: { margin: 10, minimum: 1e-5 }, tokens: same }));
    return [
      rate('dump writing', bytes / write, machine.disk, 'host writes to disk'),
      rate('dump reading', bytes / read, machine.memory, 'host copies memory'),
      rate('diff, of both sides', (2 * bytes) / diff, machine.memory, 'host copies memory'),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const rate = (name: string, value: number, limit: number, of: string): Line => ({
  name,
  value: value / 1e9,
  unit: 'GB/s',
  ratio: value / limit,
  of,
});
