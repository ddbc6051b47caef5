import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DumpWriter } from '@llama-probe/dump';
import { randomFrom, text, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import './support/kept.js';
import { compare } from '../src/compare.js';
import { hyperparametersOf } from '../src/metadata.js';
import type { RunPlan, Side } from '../src/side.js';
import { dump } from '../src/sides/dump.js';
import { llama } from '../src/sides/llama.js';
import { program } from '../src/sides/program.js';
import { webgpu } from '../src/sides/webgpu.js';
import { sideCases } from './side-cases.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-sides-'));
const model = join(folder, 'tiny.gguf');
const recorded = join(folder, 'recorded.arrow');
const LAYERS = 2;
const sizes = { layers: LAYERS, embd: 32, heads: 4, kvHeads: 2, headDim: 8, ff: 48, vocab: 61, context: 64 };
const parts = tinyLlama(sizes, randomFrom(3));
parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
writeFileSync(model, writeGguf(parts).bytes);
afterAll(() => rmSync(folder, { recursive: true }));

/** A prompt in two passes, and two tokens after it. */
const plan: RunPlan = { tokens: [1, 60, 0, 17, 17], steps: 2, forcedTokens: [9, 30], ubatch: 3 };

/** A run of a side in a file. */
async function record(side: Side, path: string, run: RunPlan): Promise<void> {
  const writer = new DumpWriter(path);
  for await (const tensor of side.run(run).tensors) writer.write(tensor);
  writer.close(await side.describe({ tokens: [...run.tokens, ...(run.forcedTokens ?? [])] }));
}

/** One that has computed what the dump has. */
const openProgram = (): Promise<Side> => program(`cp '${recorded}' {out}`, { model, tokens: plan.tokens, steps: 2 });

beforeAll(async () => {
  await using side = await llama(model, { mode: 'exact' });
  await record(side, recorded, plan);
});

describe('llama.cpp', () => sideCases({ open: () => llama(model, { mode: 'exact' }), plan, layers: LAYERS }));
describe('the engine', () => sideCases({ open: () => webgpu(model), plan, layers: LAYERS }));
describe('a dump', () => sideCases({ open: () => dump(recorded), plan, layers: LAYERS }));

describe('a program', () => sideCases({ open: openProgram, plan, layers: LAYERS }));

describe('any two sides are compared', () => {
  const sides: Record<string, () => Promise<Side>> = {
    'llama.cpp': () => llama(model, { mode: 'exact' }),
    'the engine': () => webgpu(model),
    'a dump': () => dump(recorded),
    'a program': openProgram,
  };
  const ask = { prompt: { ids: plan.tokens }, steps: 2, ubatch: 3 };
  for (const [candidate, openCandidate] of Object.entries(sides)) {
    for (const [reference, openReference] of Object.entries(sides)) {
      test(`${candidate} with ${reference}`, async () => {
        await using ours = await openCandidate();
        await using theirs = await openReference();
        const report = await compare(ours, theirs, ask);
        expect(report.verdict, report.reason).toBe('agree');
        expect(report.reference.name).toBe(theirs.about.name);
        expect(report.candidate.name).toBe(ours.about.name);
        expect(report.stages).toHaveLength((4 + 19 * LAYERS) * 3);
      });
    }
  }

  test('a recorded side decides what the other one runs', async () => {
    await using mine = await dump(recorded);
    await using healthy = await webgpu(model);
    const report = await compare(healthy, mine);
    expect(report.tokens).toEqual([...plan.tokens, 9, 30]);
    expect(report.stages.some(({ step }) => step === 2)).toBe(true);
  });

  test('a program that ran other tokens than it was told cannot be compared, and the difference is named', async () => {
    const told = plan.tokens.slice(1);
    await using mine = await program(`cp '${recorded}' {out}`, { model, tokens: told, steps: 2 });
    await using reference = await llama(model, { mode: 'exact' });
    const report = await compare(mine, reference);
    expect(report).toMatchObject({ verdict: 'incomparable', tokens: told, tokenDiagnosis: { at: 0 } });
    expect(report.reason).toContain('at position 0 the candidate has 1 and the reference has 60');
  });

  test('a bug in a run is blamed from the rows of a dump, and named', async () => {
    await using mine = await webgpu(model, { inject: 'rope-halves@1' });
    await using reference = await dump(recorded);
    const report = await compare(mine, reference, { ubatch: 3 });
    expect(report.faults?.map(({ stage, layer }) => `${stage} ${layer}`)).toEqual(['q_rope 1', 'k_rope 1']);
    expect(report.first).toMatchObject({
      stage: 'q_rope',
      layer: 1,
      cause: { id: 'rope-halves', confidence: 'confirmed' },
    });
    expect(report.reason).toContain('The cause: ');
  });

  test('a recorded bug is named from its own inputs; nobody is called llama.cpp who is not', async () => {
    const sick = join(folder, 'sick.arrow');
    {
      await using side = await webgpu(model, { inject: 'rope-halves@1' });
      await record(side, sick, plan);
    }
    await using mine = await dump(sick);
    await using healthy = await webgpu(model);
    const report = await compare(mine, healthy, { ubatch: 3 });
    expect(report).toMatchObject({ verdict: 'diverged', inputsOf: 'candidate', first: { stage: 'q_rope', layer: 1 } });
    expect(report.first?.cause).toMatchObject({ id: 'rope-halves', confidence: 'confirmed' });
    expect(report.checks.candidate.checked['attention-first']).toBeGreaterThan(0);
    expect(JSON.stringify(report)).not.toContain('llama.cpp has');
  });

  test('the verdict comes also where no bug can be looked for, and says why', async () => {
    const other = join(folder, 'other.gguf');
    const foreign = tinyLlama(sizes, randomFrom(3));
    foreign.metadata['general.architecture'] = text('starcoder');
    writeFileSync(other, writeGguf(foreign).bytes);
    const sick = join(folder, 'sick-too.arrow');
    {
      await using side = await webgpu(model, { inject: 'rms-eps' });
      await record(side, sick, plan);
    }
    await using mine = await dump(sick);
    await using reference = await dump(recorded);
    const report = await compare(mine, reference, { model: other });
    expect(report).toMatchObject({ verdict: 'diverged', first: { stage: 'attn_rms', layer: 0, cause: null } });
    expect(report).toMatchObject({ faults: null, inputsOf: null });
    expect(report.diagnosis?.text).toMatch(/^not looked for: .*other\.gguf: llama\.cpp cannot load this model/s);
  });

  test('a Qwen2, which turns the halves of a head, is computed, and its bugs are named', async () => {
    const qwen = join(folder, 'qwen2.gguf');
    const other = tinyLlama({ ...sizes, architecture: 'qwen2', biases: true }, randomFrom(5));
    other.metadata['tokenizer.ggml.model'] = text('no_vocab');
    writeFileSync(qwen, writeGguf(other).bytes);
    await using reference = await llama(qwen, { mode: 'exact' });
    {
      await using healthy = await webgpu(qwen);
      const report = await compare(healthy, reference, { ...ask, blame: true });
      expect(report).toMatchObject({ verdict: 'agree', faults: [], checks: { candidate: { broken: [] } } });
      expect(report.stages).toHaveLength((4 + 19 * LAYERS) * 3);
    }
    await using sick = await webgpu(qwen, { inject: 'rope-direction@0' });
    const report = await compare(sick, reference, ask);
    expect(report.first).toMatchObject({ stage: 'q_rope', layer: 0, cause: { id: 'rope-direction' } });
  });
});

test("a hyperparameter that is no finite number, as some files have, is left out of a dump's description: JSON has none", () => {
  const metadata = {
    'general.architecture': 'kimi',
    'kimi.block_count': 2,
    'kimi.kda.gate_lower_bound': Number.NEGATIVE_INFINITY,
    'kimi.rope.freq_base': 1e4,
  };
  expect(hyperparametersOf({ metadata })).toEqual({ block_count: 2, 'rope.freq_base': 1e4 });
});
