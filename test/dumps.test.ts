import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from '@llama-probe/dump';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Loaded, loadDump, writeDump } from './support/dumps.js';
import { BUNDLED, firstBlocks } from './support/models.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

const MODEL = firstBlocks(3);
const out = path('healthy');
const candidate = join(out, 'candidate.arrow');
const reference = join(out, 'reference.arrow');
let ours: Loaded;
let theirs: Loaded;

beforeAll(async () => {
  const run = ['--model', MODEL, '--prompt', 'Hello, my friend!', '--steps', '1'];
  const { code } = await probe(['compare', ...run, '--out', out]);
  expect(code).toBe(0);
  ours = await loadDump(candidate);
  theirs = await loadDump(reference);
});

const diff = (a: string, b: string, ...options: string[]) => probeJson(['diff', a, b, ...options]);
const is =
  (stage: string, layer: number | null, step = 0) =>
  (tensor: Tensor) =>
    tensor.stage === stage && tensor.layer === layer && tensor.step === step;
/** Other values in the tensors of one stage. */
const values = (chosen: (tensor: Tensor) => boolean, of: (value: number, index: number) => number) => (all: Tensor[]) =>
  all.map((tensor) => (chosen(tensor) ? { ...tensor, values: tensor.values.map(of) } : tensor));

describe('a dump that is wrong in one stage diverges there', () => {
  const at = { stage: 'ffn_up', layer: 2, step: 0 };
  const here = is(at.stage, at.layer);
  test.each<[string, (value: number, index: number) => number]>([
    ['all zero', () => 0],
    ['all NaN', () => Number.NaN],
    ['all infinite', () => Number.POSITIVE_INFINITY],
    ['a NaN at one place', (value, i) => (i === 700 ? Number.NaN : value)],
    ['scaled by 1.001', (value) => value * 1.001],
    ['negated', (value) => -value],
    ['another order of its values', (_, i) => i],
  ])('%s', async (_, of) => {
    const changed = writeDump(ours, values(here, of));
    const { code, json } = await diff(changed, reference);
    expect(json.first).toMatchObject(at);
    expect(json.verdict).toBe('diverged');
    expect(code).toBe(1);
  });

  test.each<[string, (value: number) => number]>([
    ['zero', () => 0],
    ['NaN', () => Number.NaN],
  ])('all %s in the reference', async (_, of) => {
    const { code, json } = await diff(candidate, writeDump(theirs, values(here, of)));
    expect(json.verdict).toBe('diverged');
    expect(json.first).toMatchObject(at);
    expect(code).toBe(1);
  });

  test('NaN everywhere, in every stage and on both sides, is no agreement', async () => {
    const nothing = (side: Loaded) =>
      writeDump(
        side,
        values(
          () => true,
          () => Number.NaN,
        ),
      );
    const { code, json } = await diff(nothing(ours), nothing(theirs));
    expect(json.verdict).not.toBe('agree');
    expect(code).not.toBe(0);
  });

  test('NaN scores of the reference where no mask hides are no mask', async () => {
    const { code, json } = await diff(
      candidate,
      writeDump(
        theirs,
        values(is('kq', 1), () => Number.NaN),
      ),
    );
    expect(json.verdict).toBe('diverged');
    expect(json.reason).toContain('kq of layer 1');
    expect(code).toBe(1);
  });
});

describe('a part of a comparison', () => {
  const at = is('ffn_up', 2);
  const wrong = () =>
    writeDump(
      ours,
      values(at, (value) => value * 1.1),
    );

  test('what is outside of it is not judged, and that is said', async () => {
    const { code, json } = await diff(wrong(), reference, '--stages', 'q_*,kq', '--layers', '1-2');
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    const judged = ['q_proj', 'q_rope', 'kq'].flatMap((stage) => [1, 2].map((layer) => `${stage}/${layer}`));
    expect(new Set(json.stages.map(({ stage, layer }) => `${stage}/${layer}`))).toEqual(new Set(judged));
    const others = theirs.tensors.length - json.stages.length;
    expect(json.reason).toContain(`Not judged, as it was asked: ${others} stages (embd, attn_rms`);
  });

  test('what is inside is, and may not be the first that is wrong of all', async () => {
    const { code, json } = await diff(wrong(), reference, '--stages', 'ffn_*', '--layers', '2');
    expect(json.first).toMatchObject({ stage: 'ffn_up', layer: 2 });
    expect(json.reason).toContain('ffn_up of layer 2 is the first of these stages that is wrong');
    expect(code).toBe(1);
  });

  test('so it is where llama.cpp tells the faults from what inherits them', async () => {
    const options = ['--model', MODEL, '--layers', '2'];
    const { json } = await diff(wrong(), reference, ...options);
    expect(json.first).toMatchObject({ stage: 'ffn_up', layer: 2 });
    expect(json.reason).toContain('Not judged, as it was asked');
    const other = await diff(wrong(), reference, '--model', MODEL, '--stages', 'q_rope');
    expect(other.json).toMatchObject({ verdict: 'agree', faults: null });
  });

  test('of nothing there is no agreement', async () => {
    const { code, json } = await diff(candidate, reference, '--stages', 'q_ropes');
    expect(json).toMatchObject({ verdict: 'incomparable', stages: [] });
    expect(json.reason).toContain('No stage that is to be judged is in both sides.');
    expect(code).toBe(2);
  });

  test.each([
    ['--stages', 'q_rope,'],
    ['--layers', '3-1'],
    ['--layers', 'all'],
  ])('%s %s is refused', async (option, value) => {
    const { code, json } = await diff(candidate, reference, option, value);
    expect(json).toMatchObject({ error: { code: 'usage' } });
    expect(code).toBe(2);
  });
});

describe('alignment', () => {
  test('stages in another order in the file agree: they are found by step, layer and name', async () => {
    const reversed = writeDump(ours, (tensors) => [...tensors].reverse());
    const shuffled = writeDump(theirs, (tensors) => tensors.map((_, i) => tensors[(i * 7) % tensors.length] as Tensor));
    expect(theirs.tensors.length % 7).not.toBe(0);
    const { code, json } = await diff(reversed, shuffled);
    expect(json.verdict, json.reason).toBe('agree');
    expect(json.stages).toHaveLength(theirs.tensors.length);
    expect(code).toBe(0);
  });

  test.each(['candidate', 'reference'])(
    'a stage that is missing in the %s: the rest agrees; --strict, no agreement',
    async (side) => {
      const without = (tensors: Tensor[]) => tensors.filter((tensor) => !is('kqv_out', 1)(tensor));
      const files =
        side === 'candidate' ? [writeDump(ours, without), reference] : [candidate, writeDump(theirs, without)];
      const [mine, believed] = files as [string, string];
      const has = side === 'candidate' ? 'reference' : 'candidate';
      const loose = await diff(mine, believed);
      expect(loose).toMatchObject({ code: 0, json: { verdict: 'agree' } });
      expect(loose.json.alone[has]).toMatchObject({ names: ['kqv_out'] });
      expect(loose.json.reason).toContain(`Only in the ${has}, and not compared`);
      const { code, json } = await diff(mine, believed, '--strict');
      expect(json.verdict).toBe('incomparable');
      expect(json.reason).toContain('kqv_out of layer 1');
      expect(json.reason).toContain(`missing in the ${side}`);
      expect(code).toBe(2);
    },
  );

  test('a step that is missing, or a token, is counted; under --strict it is no agreement', async () => {
    const noStep = writeDump(ours, (tensors) => tensors.filter(({ step }) => step === 0));
    const short = writeDump(ours, (tensors) =>
      tensors.map((tensor) =>
        is('q_proj', 0)(tensor)
          ? { ...tensor, positions: tensor.positions.subarray(1), values: tensor.values.subarray(tensor.width) }
          : tensor,
      ),
    );
    for (const file of [noStep, short]) {
      const loose = await diff(file, reference);
      expect(loose).toMatchObject({ code: 0, json: { verdict: 'agree' } });
      const { stages, rows } = loose.json.alone.reference;
      expect(file === short ? rows : stages).toBeGreaterThan(0);
      const { code, json } = await diff(file, reference, '--strict');
      expect(json.verdict).toBe('incomparable');
      expect(json.first).toBeNull();
      expect(code).toBe(2);
    }
  });

  test('nothing at all is no agreement', async () => {
    const empty = writeDump(ours, () => []);
    for (const file of [reference, empty]) {
      const { code, json } = await diff(empty, file);
      expect(json).toMatchObject({ verdict: 'incomparable', stages: [] });
      expect(code).toBe(2);
    }
  });

  test('a run of the prompt alone is held to the prompt of one that decoded on', async () => {
    const prompt = ours.tensors.find(({ step }) => step === 0)?.positions.length as number;
    const tokens = ours.metadata.tokens.slice(0, prompt);
    expect(tokens.length).toBeLessThan(ours.metadata.tokens.length);
    const alone = writeDump({ ...ours, metadata: { ...ours.metadata, tokens } }, (tensors) =>
      tensors.filter(({ step }) => step === 0),
    );
    const { code, json } = await diff(alone, reference);
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    expect(json.tokens).toEqual(tokens);
    expect((await diff(alone, reference, '--strict')).json.reason).toContain('different tokens');
    // A prompt that ends before is another prompt.
    const cut = writeDump({ ...ours, metadata: { ...ours.metadata, tokens: tokens.slice(0, -1) } }, (tensors) =>
      tensors
        .filter(({ step }) => step === 0)
        .map((one) => ({
          ...one,
          positions: one.positions.subarray(0, prompt - 1),
          values: one.values.subarray(0, (prompt - 1) * one.width),
        })),
    );
    expect(await diff(cut, reference)).toMatchObject({ code: 2, json: { verdict: 'incomparable' } });
  });

  test('a dump by others that has every row in step 0 is cut into the steps of the reference', async () => {
    const metadata = { ...ours.metadata, producer: { name: 'mine', version: '1' } };
    const flat = (change: (tensors: Tensor[]) => Tensor[]) =>
      writeDump({ ...ours, metadata }, (tensors) =>
        change(tensors)
          .filter(({ stage }) => !/^kq(_soft_max)?$/.test(stage)) // of fewer positions in step 0
          .map((tensor) => ({ ...tensor, step: 0 })),
      );
    const healthy = await diff(
      flat((all) => all),
      reference,
    );
    expect(healthy.json.verdict, healthy.json.reason).toBe('agree');
    expect(healthy.json.stages.some(({ step }) => step === 1)).toBe(true);
    const wrong = flat(values(is('ffn_out', 2, 1), (value) => -value));
    const { json } = await diff(wrong, reference);
    expect(json.first).toMatchObject({ step: 1, stage: 'ffn_out', layer: 2 });
  });

  test('given the wrong way round they are judged the right way round, and that is said', async () => {
    const { code, json } = await diff(reference, candidate);
    expect(json.reference.name).toBe('llama.cpp');
    expect(json.reason).toContain(`${reference} is llama.cpp's, and was taken for the reference`);
    expect(code).toBe(0);
  });

  test('rows of another width do not fit', async () => {
    const narrow = writeDump(ours, (tensors) =>
      tensors.map((tensor) => {
        if (!is('l_out', 2)(tensor)) return tensor;
        const width = tensor.width - 1;
        return { ...tensor, width, values: tensor.values.slice(0, tensor.positions.length * width) };
      }),
    );
    const { code, json } = await diff(narrow, reference);
    expect(json.verdict).toBe('incomparable');
    expect(json.reason).toMatch(/l_out of layer 2: .*rows have \d+ values/);
    expect(code).toBe(2);
  });

  test('other tokens are another run', async () => {
    const tokens = ours.metadata.tokens.with(1, 3);
    const other = writeDump({ ...ours, metadata: { ...ours.metadata, tokens } }, (tensors) => tensors);
    const { code, json } = await diff(other, reference);
    expect(json).toMatchObject({ verdict: 'incomparable', first: null, stages: [] });
    expect(json.reason).toMatch(/different tokens: at position 1 the candidate has 3 and the reference has \d+/);
    expect(code).toBe(2);
    const text = await probe(['diff', other, reference]);
    expect(text.code).toBe(2);
    expect(text.stdout).toContain('? incomparable: The two sides ran different tokens');
  });
});

describe('a damaged dump', () => {
  const whole = () => readFileSync(candidate);
  const made = (bytes: Buffer) => {
    const file = path('damaged.arrow');
    writeFileSync(file, bytes);
    return file;
  };
  /** The bytes from `at` on, replaced. */
  const replaced = (at: number, length: number, byte: number) => {
    const bytes = whole();
    bytes.fill(byte, at, at + length);
    return bytes;
  };
  const CASES: readonly [string, () => string, RegExp, string][] = [
    ['no such file', () => '/no/such.arrow', /^dump-not-found$/, 'ENOENT'],
    ['a directory', () => out, /^dump-not-arrow$/, 'directory'],
    ['an empty file', () => made(Buffer.alloc(0)), /^dump-not-arrow$/, 'is empty'],
    ['a model', () => BUNDLED, /^dump-not-arrow$/, '"GGUF'],
    ['cut off', () => made(whole().subarray(0, -500)), /^dump-damaged$/, 'cut off'],
    ['only its beginning', () => made(whole().subarray(0, 8)), /^dump-damaged$/, 'cut off'],
    ['an absurd footer', () => made(replaced(whole().length - 10, 4, 0x7f)), /^dump-damaged$/, 'footer'],
    ['zeros for a footer', () => made(replaced(whole().length - 1000, 900, 0)), /^dump-/, 'damaged.arrow'],
    ['noise for a footer', () => made(replaced(whole().length - 1000, 900, 0xa5)), /^dump-/, 'damaged.arrow'],
    ['zeros for its first half', () => made(replaced(8, whole().length >> 1, 0)), /^dump-/, 'damaged.arrow'],
    ['noise for its first half', () => made(replaced(8, whole().length >> 1, 0xa5)), /^dump-/, 'damaged.arrow'],
  ];

  test.each(CASES)('%s', async (_, make, code, says) => {
    const file = make();
    for (const args of [
      ['inspect', file],
      ['diff', file, reference],
      ['diff', candidate, file],
    ]) {
      const failed = await probeJson<{ verdict: string; error: { code: string } }>(args);
      expect(failed.json, failed.stderr).toMatchObject({
        verdict: 'incomparable',
        error: { code: expect.stringMatching(code) },
      });
      expect(failed.stderr.match(/^probe: /gm)).toHaveLength(1);
      expect(failed.stderr).toContain(says);
      expect(failed.stderr).not.toMatch(/^ +at |This is a bug/m);
      expect(failed.code).toBe(2);
    }
  });

  test('inspect of a stage that it does not have names the nearest', async () => {
    const { code, stdout, stderr } = await probe(['inspect', candidate, '--stage', 'atn_rms']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('did you mean attn_rms?');
  });
});

describe('captures of both sides', () => {
  const captures = { native: path('native.arrow'), exact: path('exact.arrow'), webgpu: path('webgpu.arrow') };
  beforeAll(async () => {
    const options = ['--quantize', 'Q4_K', '--tokens', '1,468,951,360', '--steps', '1'];
    for (const mode of ['native', 'exact'] as const)
      await probe(['capture', '--from', 'llama', '--reference', mode, ...options, '--out', captures[mode]]);
    await probe(['capture', '--from', 'webgpu', ...options, '--out', captures.webgpu]);
  });

  test('are judged by the limit of the mode that the reference was run in, whoever the candidate is', async () => {
    const { native, exact, webgpu } = captures;
    const limits = async (candidate: string, reference: string) => {
      const { code, json } = await diff(candidate, reference);
      return [code, json.reference.mode, json.stages[0]?.limit];
    };
    expect(await limits(webgpu, native)).toEqual([0, 'native', 1e-3]);
    expect(await limits(webgpu, exact)).toEqual([0, 'exact', 1e-5]);
    expect(await limits(native, exact)).toEqual([1, 'exact', 1e-5]);
  });

  test('name the file by its content, and the weights', async () => {
    const files = [captures.exact, captures.webgpu];
    const about = await Promise.all(files.map(async (file) => (await loadDump(file)).metadata.model));
    expect(about[0]).toEqual(about[1]);
    expect(about[0]).toMatchObject({ quantization: 'Q4_K', architecture: 'llama', layers: 4 });
    expect(about[0]?.hash).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test('a prompt past the context is refused on either side', async () => {
    const tokens = Array(600).fill(300).join();
    for (const from of ['llama', 'webgpu']) {
      const { code, stderr } = await probe([
        'capture',
        '--from',
        from,
        '--tokens',
        tokens,
        '--out',
        path('long.arrow'),
      ]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/600 tokens and 16 steps .* 512/);
    }
  });
});
