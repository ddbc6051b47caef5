import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomFrom, tinyArchitecture, writeGguf } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { hasOtherBuild } from './support/builds.js';
import { type Loaded, loadDump } from './support/dumps.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

/** llama.cpp's libraries as they are installed for this machine. */
const LIBRARIES = (() => {
  const from = createRequire(fileURLToPath(new URL('../packages/reference/package.json', import.meta.url)));
  const platform = `${process.platform.replace('darwin', 'mac').replace('win32', 'win')}-${process.arch}`;
  return join(dirname(dirname(from.resolve(`@node-llama-cpp/${platform}`))), 'bins', platform);
})();
/** A folder of libraries with the Vulkan backend, such as that of @node-llama-cpp/linux-x64-vulkan. */
const VULKAN = process.env.LLAMA_PROBE_VULKAN;
const SUM = ['--prompt', 'What is 2 plus 3?', '--steps', '1'];

/** The linear coefficient of ggml's exp (0x1.ffffecp-1, in ggml_v_expf), of which softmax and SiLU are made, and a wrong one. */
const [RIGHT, WRONG] = [(1 + 0xffffec / 0x1000000) / 2, 0.99].map((value) =>
  Buffer.from(Float32Array.of(value).buffer),
);

/** A copy of the libraries in whose CPU builds exp is wrong. */
function withWrongExp(): string {
  const folder = path('libraries');
  mkdirSync(folder);
  for (const name of readdirSync(LIBRARIES)) cpSync(join(LIBRARIES, name), join(folder, name));
  let found = 0;
  for (const name of readdirSync(folder).filter((name) => name.startsWith('libggml-cpu'))) {
    const bytes = readFileSync(join(folder, name));
    for (let at = bytes.indexOf(RIGHT as Buffer); at >= 0; at = bytes.indexOf(RIGHT as Buffer, at + 4)) {
      bytes.set(WRONG as Buffer, at);
      found++;
    }
    writeFileSync(join(folder, name), bytes);
  }
  expect(found).toBeGreaterThan(0);
  return folder;
}

describe('llama.cpp as the candidate', () => {
  test('of the same libraries agrees, natively unless something else is asked for', async () => {
    const { code, json } = await probeJson(['compare', '--llama-lib', LIBRARIES, ...SUM]);
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    expect(json.candidate).toMatchObject({
      name: `llama.cpp of ${LIBRARIES}`,
      backend: expect.stringMatching(/^CPU, /),
    });
    expect(json.reference).toMatchObject({ name: 'llama.cpp', mode: 'native' });
    expect(new Set(json.stages.map(({ step }) => step))).toEqual(new Set([0, 1]));
    expect(json.stages.every(({ rel }) => rel === 0)).toBe(true);
  });

  test.skipIf(!hasOtherBuild)(
    'of no other libraries is another build of the same, of a model that the engine does not compute too',
    async () => {
      const model = path('another.gguf');
      writeFileSync(model, writeGguf(tinyArchitecture('starcoder2', randomFrom(6))).bytes);
      const { code, json } = await probeJson(['compare', '--model', model, '--tokens', '1,40,41']); // unasked
      expect(json.verdict, json.reason).toBe('agree');
      expect(code).toBe(0);
      expect(json.candidate.name).toMatch(/^llama\.cpp's \S+ build$/);
      expect(json.candidate.name).not.toContain(`${json.reference.cpuVariant} `);
      expect(json.stages.some(({ rel }) => (rel ?? 0) > 0)).toBe(true); // it is another one
      expect(json.unseen).toContainEqual(
        expect.objectContaining({
          what: 'any engine but llama.cpp',
          why: expect.stringContaining("llama-probe's engine does not compute starcoder2; both sides are llama.cpp"),
        }),
      );
    },
  );

  test.skipIf(process.platform !== 'linux')(
    'of a build with a bug is wrong where that computes, and nowhere else',
    async () => {
      const { code, json } = await probeJson([
        'compare',
        '--llama-lib',
        withWrongExp(),
        ...SUM,
        '--reference',
        'exact',
      ]);
      expect(code).toBe(1);
      expect(json.first).toMatchObject({ stage: 'kq_soft_max', layer: 0 });
      expect(new Set(json.faults?.map(({ stage }) => stage))).toEqual(new Set(['kq_soft_max', 'ffn_swiglu']));
    },
  );

  test('has a bug put into it, where the engine does not compute the model; so has a dump of such a run', async () => {
    const [model, sick, both] = [path('starcoder2.gguf'), path('sick.arrow'), path('both')];
    writeFileSync(model, writeGguf(tinyArchitecture('starcoder2', randomFrom(5))).bytes);
    const run = ['--model', model, '--tokens', '1,40,41,26,37,43', '--inject', 'rope-neighbours@1', '--out'];
    const { json } = await probeJson(['compare', '--steps', '0', ...run, both]);
    const wrong = ['q_rope', 'k_rope'].map((stage) => ({ stage, layer: 1, cause: { id: 'rope-neighbours' } }));
    expect(json).toMatchObject({ candidate: { name: 'llama.cpp with bugs' }, faults: wrong });
    expect((await probe(['capture', '--from', 'llama', '--steps', '1', ...run, sick])).code).toBe(0);
    const [written, compared] = [await loadDump(sick), await loadDump(join(both, 'candidate.arrow'))];
    expect(written.metadata.producer?.name).toBe('llama.cpp with rope-neighbours@1');
    const rows = ({ tensors }: Loaded) => tensors.find(({ stage, layer }) => stage === 'q_rope' && layer === 1)?.values;
    expect(rows(written)).toEqual(rows(compared));
    expect(written.tensors.some(({ step }) => step === 1)).toBe(true);
  });

  test.each([
    ['no such device', ['--device', 'Vulkan7'], 'device-unknown', /there is no device Vulkan7; of the backends there/],
    [
      'no libraries',
      ['--llama-lib', dirname(LIBRARIES)],
      'library-not-found',
      /wanted llama, ggml, ggml-base and ggml-cpu/,
    ],
    [
      'another candidate',
      ['--candidate', 'webgpu', '--device', 'Vulkan0'],
      'usage',
      /leave them out, or give --candidate llama/,
    ],
    ['a program too', ['--llama-lib', LIBRARIES, '--engine', 'true'], 'usage', /^--engine is not for llama.cpp/],
  ])('%s is refused', async (_, args, code, message) => {
    const { code: exit, json } = await probeJson<{ error: { code: string }; reason: string }>([
      'compare',
      ...args,
      ...SUM,
    ]);
    expect(json).toMatchObject({ error: { code }, reason: expect.stringMatching(message) });
    expect(exit).toBe(2);
  });
});

/** LLAMA_PROBE_VULKAN=…/bins/linux-x64-vulkan, and where only the CPU has a driver for Vulkan GGML_VK_VISIBLE_DEVICES=0. */
describe.skipIf(VULKAN === undefined)('llama.cpp on a device', () => {
  const onDevice = ['compare', '--llama-lib', VULKAN ?? '', '--device', 'Vulkan0', ...SUM];

  test.each(['F16', 'Q8_0', 'Q4_K'])('%s agrees with the CPU', { timeout: 600_000 }, async (type) => {
    const quantize = type === 'F16' ? [] : ['--quantize', type];
    const { json } = await probeJson([...onDevice, ...quantize]);
    expect(json.verdict, json.reason).toBe('agree');
    expect(json.candidate).toMatchObject({
      name: 'llama.cpp on Vulkan0',
      backend: expect.stringMatching(/^Vulkan0, /),
    });
    expect(json.stages.some(({ rel }) => (rel ?? 0) > 1e-6)).toBe(true); // it is not the CPU
  });

  test('what its F16 products are summed in is told', { timeout: 600_000 }, async () => {
    const { json } = await probeJson([...onDevice, '--reference', 'exact', '--precision', 'f32']);
    expect(json.first?.stage).toBe('q_proj');
    expect(json.diagnosis?.candidates[0]?.title).toContain('summed in 16 bits');
  });
});
