import type { Engine, Hook } from '@llama-probe/engine';
import { bestOfEach, type Line } from './clock.js';

const RUNS = 7;
const everything: Hook = { record: () => true };

/** Blame: every stage recorded and then overwritten with rows of an earlier run, against the same run left free. */
export async function measureForced(engine: Engine): Promise<Line[]> {
  const prompt = Array.from({ length: 32 }, (_, i) => i + 1);
  return [
    await forcedLine(engine, 'prefill of 32, every stage overwritten', prompt, 0),
    await forcedLine(engine, 'decode of 8, every stage overwritten', [1], 8),
  ];
}

async function forcedLine(engine: Engine, name: string, tokens: number[], steps: number): Promise<Line> {
  const rows: Float32Array[] = []; // by order
  const run =
    (hook: Hook, keep = false) =>
    async () => {
      const { tensors, result } = engine.run({ tokens, steps, hook });
      for await (const { order, values } of tensors) if (keep) rows[order] = values;
      await result;
    };
  const forced: Hook = { ...everything, overwrite: ({ order }) => rows[order] };
  await run(everything, true)();
  await run(forced)();
  const [free, overwritten] = (await bestOfEach(RUNS, [run(everything), run(forced)])) as [number, number];
  return {
    name,
    value: overwritten * 1000,
    unit: 'ms',
    ratio: overwritten / free,
    of: 'every stage recorded',
    target: '<=1.5',
  };
}
