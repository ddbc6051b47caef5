import type { Tensor } from '@llama-probe/dump';
import { expect } from 'vitest';
import type { Engine, RunOptions } from '../src/engine.js';
import type { Hook } from '../src/hook.js';

export interface Run {
  tensors: Tensor[];
  generated: number[];
}

export const everything: Hook = { record: () => true };

/** A run to its end; everything is recorded unless a hook says otherwise. */
export async function collect(engine: Engine, options: RunOptions): Promise<Run> {
  const run = engine.run({ hook: everything, ...options });
  const tensors: Tensor[] = [];
  for await (const tensor of run.tensors) tensors.push(tensor);
  return { tensors, generated: (await run.result).generated };
}

/** ‖got − want‖ / ‖want‖ over what is not NaN; NaN where only one side is. */
export function relative(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) return Number.NaN;
  let [difference, size] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i] as number, want[i] as number];
    if (Number.isNaN(a) && Number.isNaN(b)) continue;
    difference += (a - b) ** 2;
    size += b ** 2;
  }
  return Math.sqrt(difference) / (Math.sqrt(size) || 1);
}

export const name = ({ layer, stage }: { layer: number | null; stage: string }) => `${stage}-${layer ?? ''}`;

/** Bit for bit. */
export function expectSame(a: Run, b: Run): void {
  expect(a.generated).toEqual(b.generated);
  expect(a.tensors.map(name)).toEqual(b.tensors.map(name));
  a.tensors.forEach((tensor, i) => {
    expect(Buffer.compare(bytesOf(tensor), bytesOf(b.tensors[i] as Tensor)), name(tensor)).toBe(0);
  });
}

export const bytesOf = ({ values }: Tensor) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
