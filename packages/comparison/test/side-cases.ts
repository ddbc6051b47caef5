import { type Tensor, tee } from '@llama-probe/dump';
import { collect, stream } from '@llama-probe/testing';
import { expect, test } from 'vitest';
import type { RunPlan, Side } from '../src/side.js';

/** What a side was opened for, and what every side of the same is to give. */
export interface SideCase {
  open(): Promise<Side>;
  readonly plan: RunPlan;
  /** In layers, and of the whole model. */
  readonly layers: number;
}

/** What holds of every side: one suite that each of them runs. */
export function sideCases({ open, plan, layers }: SideCase): void {
  const opened = async <T>(use: (side: Side) => Promise<T>): Promise<T> => {
    await using side = await open();
    return await use(side);
  };
  const run = (side: Side, more: Partial<RunPlan> = {}): Promise<Tensor[]> =>
    collect(side.run({ ...plan, ...more }).tensors);

  test('says who it is, and what model it runs', () =>
    opened(async ({ about }) => {
      expect(about.name).not.toBe('');
      expect(about.version).not.toBe('');
      expect(about.model).toMatchObject({ arch: 'llama', layers });
      expect(about.heads).toEqual({ heads: 4, headsKv: 2 });
      expect(about.graph?.lastOf(layers - 1)?.stage).toBe('l_out');
    }));

  test('gives every stage at every position, in evaluation order', () =>
    opened(async (side) => {
      const tensors = await run(side);
      expect(tensors.map(({ order }) => order)).toEqual([...tensors.map(({ order }) => order)].sort((a, b) => a - b));
      const names = new Set(tensors.map(({ stage }) => stage));
      expect([...names].sort()).toEqual([...(side.about.graph?.names ?? [])].sort());
      const positions = tensors.filter(({ stage, layer }) => stage === 'l_out' && layer === 0);
      const count = plan.tokens.length + (plan.forcedTokens?.length ?? 0);
      expect(positions.flatMap(({ positions }) => [...positions])).toEqual(Array.from({ length: count }, (_, i) => i));
      for (const { values, width, positions } of tensors) expect(values).toHaveLength(width * positions.length);
    }));

  test('gives the same bits when it is run again, also while another run is read', () =>
    opened(async (side) => {
      const first = await run(side);
      const again = side.recorded ? await Promise.all([run(side), run(side)]) : [await run(side)];
      for (const tensors of again) expectSame(tensors, first);
    }));

  test('describes a run as a dump wants it', () =>
    opened(async (side) => {
      const tokens = [...plan.tokens, ...(plan.forcedTokens ?? [])];
      const metadata = await side.describe({ tokens, config: { steps: plan.steps } });
      expect(metadata.tokens).toEqual(tokens);
      expect(metadata.producer.name).toBe(side.about.name);
      expect(metadata.model?.layers).toBe(layers);
      expect(metadata.shapes?.kq).toEqual([4, -1]);
    }));

  test('goes on from other rows where it says that it can: from its own it computes the same', () =>
    opened(async (side) => {
      if (!side.canStartFrom) {
        expect(side.recorded, 'a side that can run can go on from other rows').toBeDefined();
        return;
      }
      const own = await run(side);
      const [from, kept] = tee(stream(own));
      const [forced] = await Promise.all([run(side, { from }), collect(kept)]);
      expectSame(forced, own);
    }));

  test('from rows with a mistake it makes right ones of its inputs, and others of what follows', () =>
    opened(async (side) => {
      if (!side.canStartFrom) return;
      const own = await run(side);
      const isMistake = ({ stage, layer, step }: Tensor) => stage === 'attn_norm' && layer === 1 && step === 0;
      const wrong = own.map((one) => (isMistake(one) ? { ...one, values: one.values.map((value) => 2 * value) } : one));
      const forced = await run(side, { from: stream(wrong) });
      const differing = forced.filter((one, i) => !sameBits(one, own[i]));
      expect(new Set(differing.map(({ stage, layer }) => `${stage} ${layer}`))).toEqual(
        new Set(['q_proj 1', 'k_proj 1', 'v_proj 1']),
      );
    }));

  test('stops when the signal fires', () =>
    opened(async (side) => {
      const controller = new AbortController();
      const { tensors } = side.run({ ...plan, signal: controller.signal });
      const reading = (async () => {
        for await (const _ of tensors) controller.abort(new Error('enough'));
      })();
      // llama.cpp hears it where it was opened with it; a run that has been read to its end has nothing to stop.
      await reading.catch((error) => expect(error).toEqual(new Error('enough')));
    }));
}

function expectSame(a: readonly Tensor[], b: readonly Tensor[]): void {
  expect(a.map(placeOf)).toEqual(b.map(placeOf));
  expect(a.filter((one, i) => !sameBits(one, b[i])).map(placeOf)).toEqual([]);
}

const placeOf = ({ order, step, stage, layer, positions, width }: Tensor) =>
  `${order}: step ${step}, ${stage} of layer ${layer} at ${positions}, ${width} wide`;

const bytesOf = ({ values }: Tensor) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
const sameBits = (a: Tensor, b: Tensor | undefined): boolean => b !== undefined && bytesOf(a).equals(bytesOf(b));
