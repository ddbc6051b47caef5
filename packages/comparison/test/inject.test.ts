import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  inShort,
  randomFrom,
  type TinyArchitecture,
  text,
  tinyArchitecture,
  tinyLlama,
  writeGguf,
} from '@llama-probe/testing';
import { afterAll, expect, test } from 'vitest';
import './support/kept.js';
import { compare } from '../src/compare.js';
import type { Side } from '../src/side.js';
import { llama } from '../src/sides/llama.js';
import { webgpu } from '../src/sides/webgpu.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-inject-'));
afterAll(() => rmSync(folder, { recursive: true }));
const ask = { prompt: { ids: [1, 40, 41, 26, 37, 43] }, steps: 1 };

function tiny(architecture: TinyArchitecture): string {
  const path = join(folder, `${architecture}.gguf`);
  writeFileSync(path, writeGguf(tinyArchitecture(architecture, randomFrom(5))).bytes);
  return path;
}

const SIDES: Readonly<Record<string, (model: string, inject: string) => Promise<Side>>> = {
  'the engine': (model, inject) => webgpu(model, { inject }),
  'llama.cpp': (model, inject) => llama(model, { mode: 'exact', inject }),
};

const CASES = [
  ['the engine', 'qwen3moe', 'expert-matrix@0', ['ffn_moe_gate-0', 'ffn_moe_up-0', 'ffn_moe_down-0']],
  ['llama.cpp', 'gemma3', 'embedding-scaled', ['embd-null']],
  ['the engine', 'gpt-oss', 'sinks-ignored@1', ['kq_soft_max-1']],
  ['llama.cpp', 'qwen3', 'qk-norm-left-out@0', ['q_rope-0', 'k_rope-0']],
  ['llama.cpp', 'bloom', 'alibi-distance@0', ['kq_soft_max-0']],
  ['llama.cpp', 'qwen2vl', 'rope-sections@1', ['q_rope-1', 'k_rope-1']],
] as const;

/** In a free run what follows goes on from the bug, and blame tells the two apart. */
test.each(inShort(CASES, 2))('%s of a %s has %s, and it is named', async (who, architecture, inject, places) => {
  const model = tiny(architecture);
  await using sick = await SIDES[who]?.(model, inject);
  await using reference = await llama(model, { mode: 'exact' });
  const report = await compare(sick as Side, reference, ask);
  expect(report.candidate.injected).toEqual([inject]);
  const named = report.faults?.map(({ stage, layer, cause }) => `${stage}-${layer} ${cause?.id}`);
  expect(new Set(named)).toEqual(new Set(places.map((place) => `${place} ${inject.split('@')[0]}`)));
  expect(report.stages.filter(({ verdict }) => verdict === 'diverged').length).toBeGreaterThan(places.length);
});

test('without one they agree, though llama.cpp has steps on the way to a stage that the engine has not', async () => {
  const model = tiny('qwen3moe');
  await using engine = await webgpu(model);
  await using reference = await llama(model, { mode: 'exact' });
  expect(await compare(engine, reference, ask)).toMatchObject({ verdict: 'agree' });
});

test('a run with a bug has all its stages, also those that lie between what the bug is computed from', async () => {
  await using sick = await llama(tiny('gemma3'), { mode: 'exact', inject: 'residual-twice@0' });
  const names: string[] = [];
  for await (const { stage } of sick.run({ tokens: ask.prompt.ids, steps: 0, stages: 'all' }).tensors)
    names.push(stage);
  expect(names).toEqual(expect.arrayContaining(['embd', 'inp_scaled', 'sa_out', 'result_output']));
});

test('gate and up that are exchanged are not exchanged back at the unit', async () => {
  const model = join(folder, 'llama.gguf');
  const parts = tinyLlama(
    { layers: 2, embd: 32, heads: 4, kvHeads: 2, headDim: 8, ff: 48, vocab: 61, context: 64 },
    randomFrom(3),
  );
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  writeFileSync(model, writeGguf(parts).bytes);
  await using sick = await webgpu(model, { inject: 'gate-up-exchanged@0' });
  await using reference = await llama(model, { mode: 'exact' });
  const report = await compare(sick, reference, ask);
  expect(report.faults?.map(({ stage }) => stage)).toEqual(['ffn_gate', 'ffn_up']);
  expect(report.stages.find(({ stage, layer }) => stage === 'ffn_out' && layer === 0)?.verdict).toBe('diverged');
});

test.each(Object.keys(SIDES))('what cannot be in %s is refused, with what can', async (who) => {
  const model = tiny('qwen3');
  await using sick = (await SIDES[who]?.(model, 'sinks-ignored')) as Side;
  const run = sick.run({ tokens: [1, 40, 41] });
  for await (const _ of run.tensors);
  await expect(run.result).rejects.toThrow(
    /sinks-ignored \(.+\) has nothing to change in this model and run; it needs [^.]+\. At the same stages it can have mask-missing, .+softmax-axis/,
  );
});

test("a bug that only a run without the stages on the way can have is llama.cpp's to have: the refusal says so", async () => {
  await using sick = await webgpu(tiny('qwen3'), { inject: 'qk-norm-left-out@1' });
  const run = sick.run({ tokens: [1, 40, 41] });
  for await (const _ of run.tensors);
  await expect(run.result).rejects.toThrow(
    /qk-norm-left-out .+ llama\.cpp's own run can have it: compare --candidate llama/,
  );
});
