import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rounded, STAGE_NAMES, stageKey, type Tensor } from '@llama-probe/dump';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import './support/kept.js';
import { openReference, type Reference, type RunOptions } from '../src/reference.js';
import { type TinyModel, writeTinyModel } from './support/tiny-model.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-round-'));
afterAll(() => rmSync(directory, { recursive: true }));

let reference: Reference | undefined;
afterEach(async () => {
  await reference?.close();
  reference = undefined;
});

async function open(model: TinyModel = {}): Promise<Reference> {
  reference = await openReference({ model: writeTinyModel(join(directory, 'tiny.gguf'), model), mode: 'exact' });
  return reference;
}

async function tensorsOf(from: Reference, options: RunOptions): Promise<Tensor[]> {
  const tensors: Tensor[] = [];
  for await (const tensor of from.run(options).tensors) tensors.push(tensor);
  return tensors;
}

// Seven tokens in passes of 3, 3 and 1, and two steps after them.
const CUT = { tokens: [1, 5, 9, 17, 3, 8, 11], ubatch: 3, steps: 2, forcedTokens: [7, 4] } satisfies RunOptions;

const key = (at: Tensor) => `${stageKey(at)}/${at.positions[0]}`;
const IDS = new Set(['ffn_moe_topk', 'ffn_moe_argsort']);

/** Where two runs are not bit for bit the same. */
function differing(a: readonly Tensor[], b: readonly Tensor[]): string[] {
  expect(a.map(key)).toEqual(b.map(key));
  const isSame = (x: Tensor, y: Tensor) => x.values.every((value, i) => Object.is(value, y.values[i]));
  return a.filter((tensor, i) => !isSame(tensor, b[i] as Tensor)).map(key);
}

const byHand = (tensor: Tensor, format: 'f16' | 'bf16'): Tensor =>
  IDS.has(tensor.stage) ? tensor : { ...tensor, values: tensor.values.map((value) => rounded(value, format)) };

async function* stream(tensors: readonly Tensor[]): AsyncGenerator<Tensor> {
  yield* tensors;
}

describe('rounded at every stage', () => {
  const variants: Record<string, TinyModel> = { plain: {}, bias: { biases: true }, fused: { fused: true } };
  for (const format of ['bf16', 'f16'] as const) {
    for (const [name, model] of Object.entries({ ...variants, experts: { experts: 4 } })) {
      test(`each stage is what its rounded inputs make of it, rounded by hand: ${format}, ${name}`, async () => {
        const opened = await open(model);
        const run = await tensorsOf(opened, { ...CUT, stages: 'vocabulary', round: format });
        // llama.cpp, unrounded, goes on from the run's rows at every stage
        const computed = await tensorsOf(opened, { ...CUT, from: stream(run) });
        expect(run.filter(({ stage }) => stage === 'kq_soft_max')).not.toEqual([]);
        expect(differing(run, computed)).not.toEqual([]);
        expect(
          differing(
            run,
            computed.map((tensor) => byHand(tensor, format)),
          ),
        ).toEqual([]);
      });
    }
  }

  test('whatever is captured', async () => {
    const opened = await open({ biases: true });
    const all = await tensorsOf(opened, { ...CUT, round: 'bf16' });
    const stages = ['attn_rms', 'k_proj', 'l_out'];
    const some = await tensorsOf(opened, { ...CUT, stages, round: 'bf16' });
    expect(
      differing(
        some,
        all.filter(({ stage }) => stages.includes(stage)),
      ),
    ).toEqual([]);
  });

  test('every stage of the vocabulary, and in another run none', async () => {
    const opened = await open();
    const isRounded = (tensor: Tensor) => differing([tensor], [byHand(tensor, 'bf16')]).length === 0;
    const run = await tensorsOf(opened, { ...CUT, round: 'bf16' });
    expect(new Set(run.filter(isRounded).map(({ stage }) => stage))).toEqual(new Set(STAGE_NAMES));
    const next = await tensorsOf(opened, CUT);
    expect(next.filter(isRounded)).toEqual([]);
  });

  test('what has no given rows goes on rounded, the rest from the given ones', async () => {
    const opened = await open();
    const healthy = await tensorsOf(opened, CUT);
    const given = healthy.filter(({ stage }) => stage === 'l_out');
    const run = await tensorsOf(opened, { ...CUT, stages: 'vocabulary', from: stream(given), round: 'bf16' });
    const wentOn = run.map((tensor) => given.find((one) => key(one) === key(tensor)) ?? tensor);
    const computed = await tensorsOf(opened, { ...CUT, from: stream(wentOn) });
    expect(
      differing(
        run,
        computed.map((tensor) => byHand(tensor, 'bf16')),
      ),
    ).toEqual([]);
  });
});
