import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, expect, test, vi } from 'vitest';
import { type AdapterKind, openAdapter } from '../src/adapter/index.js';
import { Engine } from '../src/engine.js';
import { openGguf } from '../src/gguf.js';
import { llamaConfig } from '../src/read-config.js';
import { llamaTensors } from '../src/tensors.js';
import { uploadModel } from '../src/weights.js';
import { collect, expectSame } from './runs.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-attention-'));
const opened = await openAdapter({ adapter: 'auto' });
afterAll(() => {
  opened.close();
  rmSync(folder, { recursive: true });
});

test('a long prompt has the same bits whether K and V are read from textures or from buffers', async () => {
  const sizes = { layers: 2, embd: 64, heads: 4, kvHeads: 2, headDim: 16, ff: 96, vocab: 37, context: 128 };
  const path = join(folder, 'long.gguf');
  writeFileSync(path, writeGguf(tinyLlama(sizes, randomFrom(1))).bytes);
  const tokens = Array.from({ length: 90 }, (_, i) => (i * 7) % 37);
  const labels = vi.spyOn(opened.device, 'createComputePipeline');
  const used = () => labels.mock.calls.map(([{ label }]) => label).filter((label) => label?.startsWith('kq'));
  const runOn = async (kind: AdapterKind) => {
    const file = await openGguf(path);
    const config = llamaConfig(file);
    const model = await uploadModel(opened.device, kind, file, llamaTensors(file, config));
    const engine = new Engine({ ...opened, info: { ...opened.info, class: 'cpu', kind } }, file, config, model);
    return collect(engine, { tokens, steps: 1, ubatch: 70 });
  };
  const [inTextures, inBuffers] = [await runOn('llvmpipe'), await runOn('swiftshader')];
  expect(used()).toEqual(['kq_texture.wgsl', 'kqv_texture.wgsl', 'kq.wgsl', 'kqv.wgsl']); // the first 70 tokens; the others and what follows
  expectSame(inTextures, inBuffers);
});
