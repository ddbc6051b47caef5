import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DumpWriter, type Tensor } from '@llama-probe/dump';
import { collect, f32, type LlamaSizes, randomFrom, stream, text, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import './support/kept.js';
import { compare } from '../src/compare.js';
import type { Report } from '../src/report.js';
import type { RunPlan, Side } from '../src/side.js';
import { dump } from '../src/sides/dump.js';
import { llama } from '../src/sides/llama.js';
import { webgpu } from '../src/sides/webgpu.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-blame-'));
afterAll(() => rmSync(folder, { recursive: true }));

function modelFile(name: string, changes: Partial<LlamaSizes> = {}, yarnFactor?: number): string {
  const sizes = { layers: 3, embd: 32, heads: 4, kvHeads: 2, headDim: 8, ff: 48, vocab: 61, context: 64 };
  const parts = tinyLlama({ ...sizes, ...changes }, randomFrom(3));
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  if (yarnFactor !== undefined) {
    parts.metadata['llama.rope.scaling.type'] = text('yarn');
    parts.metadata['llama.rope.scaling.factor'] = f32(yarnFactor);
  }
  const path = join(folder, `${name}.gguf`);
  writeFileSync(path, writeGguf(parts).bytes);
  return path;
}

const model = modelFile('llama');
const reference = join(folder, 'reference.arrow');

/** A prompt in two passes, and two tokens after it. */
const plan: RunPlan = { tokens: [1, 60, 0, 17, 17], steps: 2, forcedTokens: [9, 30], ubatch: 3 };

/** A dump of these tensors, as somebody else's engine would write it. */
async function write(name: string, tensors: readonly Tensor[], side: Side): Promise<string> {
  const path = join(folder, `${name}.arrow`);
  const writer = new DumpWriter(path);
  for (const tensor of tensors) writer.write(tensor);
  const { model, shapes } = await side.describe({ tokens: [] });
  const tokens = [...plan.tokens, ...(plan.forcedTokens ?? [])];
  writer.close({
    producer: { name: 'mine', version: '1' },
    tokens,
    ...(model && { model }),
    ...(shapes && { shapes }),
  });
  return path;
}

let sick: Tensor[];
let twice: Tensor[];
beforeAll(async () => {
  {
    await using side = await llama(model, { mode: 'exact' });
    const writer = new DumpWriter(reference);
    for await (const tensor of side.run(plan).tensors) writer.write(tensor);
    writer.close(await side.describe({ tokens: [...plan.tokens, ...(plan.forcedTokens ?? [])] }));
  }
  {
    await using side = await webgpu(model, { inject: 'rope-halves@1' });
    sick = await collect(side.run(plan).tensors);
  }
  await using side = await webgpu(model, { inject: 'rope-halves@1,activation-gelu@2' });
  twice = await collect(side.run(plan).tensors);
});

/** What is said of a dump beside the reference's. */
async function judged(name: string, tensors: readonly Tensor[], of = model, against = reference): Promise<Report> {
  await using theirs = await dump(against);
  await using mine = await dump(await write(name, tensors, theirs));
  return await compare(mine, theirs, { model: of }); // both stay open until then
}

const faultsOf = ({ faults }: Report) =>
  faults?.map(({ stage, layer, cause }) => `${stage} ${layer} ${cause?.confidence} ${cause?.id}`);
const ROPE = ['q_rope 1 confirmed rope-halves', 'k_rope 1 confirmed rope-halves'];

describe('a run that is over is blamed by llama.cpp, which goes on from its rows', () => {
  test('every fault is found and named, and what merely inherits is told from them', async () => {
    const report = await judged('two', twice);
    expect(faultsOf(report)).toEqual([...ROPE, 'ffn_swiglu 2 confirmed activation-gelu']);
    expect(report).toMatchObject({
      inputsOf: 'candidate',
      first: { stage: 'q_rope', layer: 1, cause: { id: 'rope-halves' } },
    });
    const inheriting = report.stages.filter(({ inherits }) => inherits);
    expect(inheriting.length).toBeGreaterThan(30);
    expect(inheriting.every(({ local, limit }) => local !== null && local <= limit)).toBe(true);
    expect(report.reason).toContain('even with the inputs that it had');
  });

  test('a healthy run has no second one, unless it is asked for, and then no fault', async () => {
    await using side = await webgpu(model);
    const healthy = await write('healthy', await collect(side.run(plan).tensors), side);
    await using mine = await dump(healthy);
    await using theirs = await dump(reference);
    expect(await compare(mine, theirs, { model })).toMatchObject({ verdict: 'agree', faults: null, inputsOf: null });
    expect(await compare(mine, theirs, { model, blame: true })).toMatchObject({ verdict: 'agree', faults: [] });
  });

  test('of three stages a layer is accused, and what to capture in it is said', async () => {
    const names = ['embd', 'l_out', 'result_output'];
    const report = await judged(
      'three',
      sick.filter(({ stage }) => names.includes(stage)),
    );
    expect(report.faults?.map(({ stage, layer }) => [stage, layer])).toEqual([['l_out', 1]]);
    expect(report.reason).toMatch(/between l_out of layer 0, which agrees, and l_out of layer 1, .* --layers 1\./);
  });

  test("what the dump does not have llama.cpp's own rows stand for: a bug is named at a stage whose input was not captured", async () => {
    await using side = await webgpu(model, { inject: 'attention-scale-missing@1' });
    const tensors = await collect(side.run(plan).tensors);
    const report = await judged(
      'fused',
      tensors.filter(({ stage }) => stage !== 'kq'),
    );
    expect(faultsOf(report)).toEqual(['kq_soft_max 1 confirmed attention-scale-missing']);
  });

  test('scores that its mask hides are its own, and what comes of them is judged by the scores that are right', async () => {
    await using side = await webgpu(model, { inject: 'mask-per-chunk@1' });
    const tensors = await collect(side.run(plan).tensors);
    const report = await judged('chunked', tensors.map(maskedAs(tensors)));
    const bothOf = (stage: string) => `${stage} 1 confirmed mask-per-chunk`;
    expect(faultsOf(report), report.reason).toEqual([bothOf('kq'), bothOf('kq_soft_max')]);
  });

  test('of the last rows only, it is found in those', async () => {
    await using side = await webgpu(model, { inject: 'logits-scaled' });
    const tensors = await collect(side.run(plan).tensors);
    const report = await judged(
      'last',
      tensors.flatMap((tensor) => (tensor.layer === null ? lastRow(tensor) : [])),
    );
    expect(faultsOf(report)).toEqual(['result_output null confirmed logits-scaled']);
  });

  test('in any order of the file, and with scores padded to the longest pass', async () => {
    const padded = sick.map((tensor) =>
      tensor.stage.startsWith('kq') && tensor.stage !== 'kqv_out' ? pad(tensor, 4, 9) : tensor,
    );
    const report = await judged('shuffled', [...padded].reverse());
    expect(faultsOf(report), report.reason).toEqual(ROPE);
  });

  test('where its prompt is cut as nobody would evaluate it, the verdict comes all the same, and says what was not looked for', async () => {
    const uneven = sick.flatMap((tensor) =>
      tensor.positions.length === 3 ? [rows(tensor, 0, 1), rows(tensor, 1, 3)] : tensor,
    );
    const report = await judged('uneven', uneven);
    expect(report).toMatchObject({ verdict: 'diverged', faults: null, first: { stage: 'q_rope', layer: 1 } });
    expect(report.diagnosis?.text).toMatch(/^not looked for: its prompt was cut/);
  });

  test("of a model whose rotation the engine does not compute, YaRN's, the bug is named all the same", async () => {
    const yarn = modelFile('yarn', {}, 4);
    await using side = await llama(yarn, { mode: 'exact' });
    const healthy = await collect(side.run(plan).tensors);
    const right = await write('yarn', healthy, side);
    const isWrong = ({ stage, layer }: Tensor) => stage === 'q_rope' && layer === 1;
    const magnitude = 1 + 0.1 * Math.log(4);
    const shrunk = (tensor: Tensor) => ({ ...tensor, values: tensor.values.map((value) => value / magnitude) });
    const wrong = healthy.filter(isWrong).map(shrunk);
    const from = await collect(side.run({ ...plan, from: stream(wrong) }).tensors);
    const mixed = from.map((tensor) =>
      isWrong(tensor)
        ? shrunk(healthy.find((one) => isWrong(one) && one.positions.join() === tensor.positions.join()) as Tensor)
        : tensor,
    );
    const report = await judged('yarn-sick', mixed, yarn, right);
    expect(faultsOf(report)).toEqual(['q_rope 1 confirmed yarn-no-magnitude']);
  });

  test('of another architecture the fault is found, and what no known bug makes of its inputs is unknown', async () => {
    const gemma = modelFile('gemma', { architecture: 'gemma', tied: true });
    await using side = await llama(gemma, { mode: 'exact' });
    const healthy = await collect(side.run({ ...plan, stages: 'all' }).tensors);
    const right = await write('gemma', healthy, side);
    expect(new Set(healthy.map(({ stage }) => stage))).toContain('ffn_geglu');
    // The rows of one stage are turned round, and the run goes on from them.
    const isWrong = ({ stage, layer }: Tensor) => stage === 'ffn_geglu' && layer === 1;
    const wrong = healthy.filter(isWrong).map((tensor) => ({ ...tensor, values: tensor.values.slice().reverse() }));
    const from = await collect(side.run({ ...plan, stages: 'all', from: stream(wrong) }).tensors);
    const mixed = from.map((tensor) =>
      isWrong(tensor)
        ? (wrong.find(({ step, positions }) => step === tensor.step && positions[0] === tensor.positions[0]) as Tensor)
        : tensor,
    );
    const report = await judged('gemma-sick', mixed, gemma, right);
    expect(report.faults?.map(({ stage, layer }) => [stage, layer])).toEqual([['ffn_geglu', 1]]);
    expect(report.diagnosis?.text).toMatch(/^Unknown: none of the \d+ known bugs of this stage reproduces the rows/);
  });
});

const rows = (tensor: Tensor, from: number, to: number): Tensor => ({
  ...tensor,
  positions: tensor.positions.slice(from, to),
  values: tensor.values.slice(from * tensor.width, to * tensor.width),
});

/** `kq` as an engine has it that leaves out what its mask hides: NaN where the softmax is 0. */
const maskedAs =
  (tensors: readonly Tensor[]) =>
  (tensor: Tensor): Tensor => {
    if (tensor.stage !== 'kq') return tensor;
    const isBeside = (one: Tensor) =>
      one.stage === 'kq_soft_max' && one.layer === tensor.layer && one.positions.join() === tensor.positions.join();
    const p = tensors.find(isBeside)?.values;
    return { ...tensor, values: tensor.values.map((score, i) => (p?.[i] === 0 ? Number.NaN : score)) };
  };

/** The last of the prompt's rows, and every decoded one. */
function lastRow(tensor: Tensor): Tensor[] {
  const { length } = tensor.positions;
  return tensor.step === 0 && tensor.positions[0] === 0 ? [] : [rows(tensor, length - 1, length)];
}

/** Scores over more positions than there are yet: 0 in a softmax, NaN in what it is of. */
function pad(tensor: Tensor, heads: number, positions: number): Tensor {
  const own = tensor.width / heads;
  const count = tensor.positions.length;
  const values = new Float32Array(count * heads * positions).fill(tensor.stage === 'kq' ? Number.NaN : 0);
  for (let i = 0; i < count * heads; i++) values.set(tensor.values.subarray(i * own, (i + 1) * own), i * positions);
  return { ...tensor, width: heads * positions, values };
}
