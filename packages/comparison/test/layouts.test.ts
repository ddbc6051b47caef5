import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DumpMetadata, DumpWriter, type Tensor } from '@llama-probe/dump';
import { collect, inShort, type LlamaSizes, randomFrom, text, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import './support/kept.js';
import { compare } from '../src/compare.js';
import type { Report } from '../src/report.js';
import type { RunPlan, Side } from '../src/side.js';
import { dump } from '../src/sides/dump.js';
import { llama } from '../src/sides/llama.js';
import { webgpu } from '../src/sides/webgpu.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-layouts-'));
afterAll(() => rmSync(folder, { recursive: true }));

function modelFile(name: string, changes: Partial<LlamaSizes> = {}): string {
  const sizes = { layers: 3, embd: 32, heads: 4, kvHeads: 2, headDim: 8, ff: 48, vocab: 61, context: 64 };
  const parts = tinyLlama({ ...sizes, ...changes }, randomFrom(11));
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  const path = join(folder, `${name}.gguf`);
  writeFileSync(path, writeGguf(parts).bytes);
  return path;
}

const plan: RunPlan = { tokens: [1, 60, 0, 17, 17, 5, 22], steps: 1, forcedTokens: [9] };
const model = modelFile('llama');
const reference = join(folder, 'reference.arrow');

/** A run, and what a dump says of it. */
interface Ran {
  readonly tensors: readonly Tensor[];
  readonly about: DumpMetadata;
}

const ran = async (side: Side): Promise<Ran> => ({
  tensors: await collect(side.run(plan).tensors),
  about: await side.describe({ tokens: [...plan.tokens, ...(plan.forcedTokens ?? [])] }),
});

function record(path: string, { tensors, about }: Ran): string {
  const writer = new DumpWriter(path);
  for (const tensor of tensors) writer.write(tensor);
  writer.close(about);
  return path;
}

/** The run of somebody else's program, as it has written it. */
const foreign = (path: string, { tensors, about }: Ran, write: (tensor: Tensor) => Tensor | undefined): string =>
  record(path, {
    tensors: tensors.flatMap((tensor) => write(tensor) ?? []),
    about: { ...about, producer: { name: 'mine', version: '1' } },
  });

beforeAll(async () => {
  await using side = await llama(model, { mode: 'exact' });
  record(reference, await ran(side));
});

const HEAD = 8;
const Q = ['q_proj', 'q_rope'];
const K = ['k_proj', 'k_rope'];

/** Value 2j of each head at j, value 2j + 1 at j + d/2. */
function halves(tensor: Tensor): Tensor {
  const values = tensor.values.map((_, i) => {
    const [head, j] = [i - (i % HEAD), i % HEAD];
    return tensor.values[head + (j < HEAD / 2 ? 2 * j : 2 * (j - HEAD / 2) + 1)] as number;
  });
  return { ...tensor, values };
}
const inHalves =
  (names: readonly string[]) =>
  (tensor: Tensor): Tensor =>
    names.includes(tensor.stage) ? halves(tensor) : tensor;

/** Each KV head once for every query head that reads it. */
function repeated(tensor: Tensor): Tensor {
  const groups = Array.from({ length: tensor.values.length / HEAD }, (_, head) =>
    tensor.values.subarray(head * HEAD, (head + 1) * HEAD),
  );
  const values = new Float32Array(2 * tensor.values.length);
  for (const [head, group] of groups.entries()) {
    values.set(group, 2 * head * HEAD);
    values.set(group, (2 * head + 1) * HEAD);
  }
  return { ...tensor, width: 2 * tensor.width, values };
}

/** Each head filled up with as many zeros. */
function filled(tensor: Tensor): Tensor {
  const values = new Float32Array(2 * tensor.values.length);
  for (let head = 0; head < tensor.values.length / HEAD; head++)
    values.set(tensor.values.subarray(head * HEAD, (head + 1) * HEAD), 2 * head * HEAD);
  return { ...tensor, width: 2 * tensor.width, values };
}

const scaled = (tensor: Tensor): Tensor => ({
  ...tensor,
  values: tensor.values.map((value) => value / Math.sqrt(HEAD)),
});
const fromOne = (tensor: Tensor): Tensor => ({
  ...tensor,
  positions: tensor.positions.map((position) => position + 1),
});

/** As PyTorch's attention has it: halves, KV heads repeated, scores scaled and masked with −inf before their softmax; and whatever else. */
function asTorch(tensor: Tensor): Tensor {
  const { stage } = tensor;
  let written = inHalves([...Q, ...K])(tensor);
  if (['k_rope', 'v_proj'].includes(stage)) written = repeated(written);
  if (stage === 'kqv_out') written = filled(written);
  if (stage === 'kq') {
    written = scaled(written);
    written.values.forEach((value, i) => {
      if (Number.isNaN(value)) written.values[i] = Number.NEGATIVE_INFINITY;
    });
  }
  return fromOne(written);
}

const engineRuns = new Map<string | undefined, Ran>();

/** The engine's run with a bug in it, or its healthy one: most cases write the same run in another way. */
async function engineRun(inject?: string): Promise<Ran> {
  const known = engineRuns.get(inject);
  if (known) return known;
  await using side = await webgpu(model, inject === undefined ? {} : { inject });
  const run = await ran(side);
  engineRuns.set(inject, run);
  return run;
}

/** What is said of the engine's run with a bug in it, written down so. */
async function judged(inject: string | undefined, write: (tensor: Tensor) => Tensor | undefined): Promise<Report> {
  await using mine = await dump(foreign(join(folder, 'mine.arrow'), await engineRun(inject), write));
  await using theirs = await dump(reference);
  return await compare(mine, theirs, { model });
}

const faultsOf = ({ faults }: Report) =>
  faults?.map(({ stage, layer, cause }) => `${stage} ${layer} ${cause?.confidence} ${cause?.id}`) ?? [];
const isUndone = ({ candidate }: Report) => candidate.notes?.some((note) => note.includes('half-split')) ?? false;

describe('Q and K in half-split order', () => {
  test('are no divergence, and it is told what was undone', async () => {
    const report = await judged(undefined, inHalves([...Q, ...K]));
    expect(report, report.reason).toMatchObject({ verdict: 'agree', checks: { candidate: { broken: [] } } });
    expect(report.candidate.notes).toEqual([
      expect.stringMatching(/^q_proj, k_proj, q_rope, k_rope are in half-split order/),
    ]);
  });

  test.each([
    ['q_proj', 'k_proj'],
    ['q_rope', 'k_rope'],
  ])('only %s and %s, where the rotation reads one order and writes the other', async (q, k) => {
    const report = await judged(undefined, inHalves([q, k]));
    expect(report.verdict, report.reason).toBe('agree');
    expect(report.candidate.notes).toEqual([expect.stringMatching(`^${q}, ${k} are in half-split order`)]);
  });

  test.each(
    inShort(
      [
        ['before the rotation only', [...Q, ...K].filter((name) => name.endsWith('rope'))],
        ['after the rotation only', [...Q, ...K].filter((name) => name.endsWith('proj'))],
      ],
      1,
    ),
  )('captured %s', async (_, without) => {
    const report = await judged(undefined, (tensor) =>
      without.includes(tensor.stage) ? undefined : inHalves([...Q, ...K])(tensor),
    );
    expect(report.verdict, report.reason).toBe('agree');
    const there = [...Q, ...K].filter((name) => !without.includes(name)).join(', ');
    expect(report.candidate.notes).toEqual([expect.stringMatching(`^${there} are in half-split order`)]);
  });

  test.each([
    ['a permutation once too often, which the rotation does not know of', 'qk-permutation', (tensor: Tensor) => tensor],
    ['only Q', undefined, inHalves(Q)],
    ['a rotation of halves', 'rope-halves', (tensor: Tensor) => tensor],
  ] as const)('are no excuse for %s', async (_, inject, write) => {
    const report = await judged(inject, write);
    expect(report.verdict).toBe('diverged');
    expect(isUndone(report)).toBe(false);
  });

  test('are undone beside a reference that runs, too; one that is not looked at is not begun', async () => {
    await using theirs = await llama(model, { mode: 'exact' });
    const run = await engineRun('activation-gelu@2');
    for (const write of [(tensor: Tensor) => tensor, inHalves([...Q, ...K])]) {
      await using mine = await dump(foreign(join(folder, 'live.arrow'), run, write));
      const report = await compare(mine, theirs, { model });
      expect(faultsOf(report), report.reason).toEqual(['ffn_swiglu 2 confirmed activation-gelu']);
    }
  });

  test('the permutation is named, where it is the bug', async () => {
    const report = await judged('qk-permutation', (tensor) => tensor);
    expect(report.first).toMatchObject({ stage: 'q_proj', layer: 0, cause: { id: 'qk-permutation' } });
  });
});

describe('the chosen experts of a mixture', () => {
  const mixture = modelFile('mixture', { experts: 4 });
  const right = join(folder, 'right.arrow');
  let run: Ran;
  beforeAll(async () => {
    await using side = await llama(mixture, { mode: 'exact' });
    run = await ran(side);
    record(right, run);
  });
  const PARTS = /^ffn_moe_(topk|weights|weights_norm|up|gate|swiglu|down|weighted)$/;

  /** llama.cpp's own run beside itself with the experts of each token written the other way round. */
  async function turned(change: (tensor: Tensor) => Tensor): Promise<Report> {
    await using theirs = await dump(right);
    const write = (tensor: Tensor) => change(PARTS.test(tensor.stage) ? exchanged(tensor) : tensor);
    await using mine = await dump(foreign(join(folder, 'turned.arrow'), run, write));
    return await compare(mine, theirs, { blame: false });
  }

  function exchanged(tensor: Tensor): Tensor {
    const part = tensor.width / 2;
    const values = tensor.values.map((_, i) => tensor.values[i % tensor.width < part ? i + part : i - part] as number);
    return { ...tensor, values };
  }

  test('are a set: in another order they agree, and that is told', async () => {
    const report = await turned((tensor) => tensor);
    expect(report.verdict, report.reason).toBe('agree');
    expect(report.candidate.notes).toEqual([expect.stringContaining('the chosen experts are in another order')]);
    expect(report.stages.filter(({ stage }) => PARTS.test(stage)).length).toBeGreaterThan(20);
  });

  test('a part that stayed where it was, or another expert, is a divergence', async () => {
    const stays = await turned((tensor) => (tensor.stage === 'ffn_moe_weights' ? exchanged(tensor) : tensor));
    expect(stays.first).toMatchObject({ stage: 'ffn_moe_weights', layer: 0 });
    const other = await turned((tensor) => {
      if (tensor.stage !== 'ffn_moe_topk' || tensor.layer !== 1) return tensor;
      const [a, b] = tensor.values;
      const another = [0, 1, 2, 3].find((expert) => expert !== a && expert !== b) as number;
      return { ...tensor, values: Float32Array.from([another, ...tensor.values.slice(1)]) };
    });
    expect(other.first).toMatchObject({ stage: 'ffn_moe_topk', layer: 1, token: 0 });
  });
});

describe('another way to write rows', () => {
  const named = (report: Report) => report.candidate.notes?.map((note) => note.split(':')[0]) ?? [];
  const where =
    (stages: readonly string[], write: (tensor: Tensor) => Tensor) =>
    (tensor: Tensor): Tensor =>
      stages.includes(tensor.stage) ? write(tensor) : tensor;

  test.each([
    ['KV heads repeated', where(['k_proj', 'k_rope', 'v_proj'], repeated), /^v_proj, k_proj, k_rope: each KV head/],
    [
      'heads filled up with zeros',
      where(['q_rope', 'k_rope', 'kqv_out'], filled),
      /^q_rope, k_rope, kqv_out: each head is filled/,
    ],
    [
      'scores that are scaled',
      where(['kq'], scaled),
      /^kq is 1\/√8 of the reference's, and its softmax makes up for it/,
    ],
    ['positions from 1', fromOne, /^positions are counted from 1/],
  ] as const)('%s: no divergence, and it is told', async (_, write, note) => {
    const report = await judged(undefined, write);
    expect(report.verdict, report.reason).toBe('agree');
    expect(report.candidate.notes).toEqual([expect.stringMatching(note)]);
  });

  test('all of them at once', async () => {
    const report = await judged(undefined, asTorch);
    expect(report.verdict, report.reason).toBe('agree');
    expect(named(report)).toHaveLength(5);
  });

  test.each([
    [
      'a copy that differs',
      where(['k_rope'], (tensor) => {
        const written = repeated(tensor);
        written.values[written.width + HEAD] = (written.values[written.width + HEAD] as number) * 2;
        return written;
      }),
      'incomparable',
    ],
    [
      'something in the place of the zeros',
      where(['q_rope'], (tensor) => {
        const written = filled(tensor);
        written.values[HEAD] = 1e-3;
        return written;
      }),
      'incomparable',
    ],
  ] as const)('is not %s', async (_, write, verdict) => {
    const report = await judged(undefined, write);
    expect(report.verdict, report.reason).toBe(verdict);
    expect(report.candidate.notes ?? []).toEqual([]);
  });

  test('is not a scale that is applied twice', async () => {
    const report = await judged('kq-scaled', (tensor) => tensor);
    expect(faultsOf(report)[0]).toBe('kq 0 confirmed kq-scaled');
    expect(report.candidate.notes ?? []).toEqual([]);
  });

  // Before, at and after what is written otherwise.
  test.each(
    inShort(['kq-scaled@1', 'attention-scale-missing@0', 'rope-halves@1', 'gate-up-exchanged@1', 'rope-theta@1'], 1),
  )('hides no bug: %s has the same faults under the same names', async (inject) => {
    const [plain, written] = [await judged(inject, (tensor) => tensor), await judged(inject, asTorch)];
    expect(faultsOf(plain).length).toBeGreaterThan(0);
    expect(faultsOf(written), written.reason).toEqual(faultsOf(plain));
    expect([named(plain), named(written).length > 3]).toEqual([[], true]);
  });
});
