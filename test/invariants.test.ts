import { join } from 'node:path';
import { DumpWriter } from '@llama-probe/dump';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../packages/probe/src/index.js';
import { loadDump, writeDump } from './support/dumps.js';
import { BUNDLED, firstBlocks } from './support/models.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import { type WRONG, wrong } from './support/wrong-kernels.js';

const MODEL = firstBlocks(2);
const LAYERS = [0, 1];
const RUN = ['compare', '--model', MODEL, '--prompt', 'Hello, my friend!', '--steps', '2'];

type Checked = Report['checks']['candidate'];
type CheckReport = Checked & { file: string };

/** What is broken, without how far. */
const placesOf = ({ broken }: Checked) => [...new Set(broken.map(({ check, stage }) => `${check} ${stage}`))].sort();

const check = (dump: string, ...options: string[]) => probeJson<CheckReport>(['check', dump, ...options]);

interface Sick {
  readonly kernel: keyof typeof WRONG;
  /** What it breaks in a dump alone, first the one that is named first. */
  readonly alone: readonly string[];
  /** What only the weights or another run can tell. */
  readonly further?: readonly string[];
  readonly first: Partial<Checked['broken'][number]>;
  readonly text: RegExp;
}

const SICK: readonly Sick[] = [
  {
    kernel: 'unnormalised',
    alone: ['softmax-sum kq_soft_max'],
    first: { check: 'softmax-sum', step: 0, layer: 0, stage: 'kq_soft_max', wanted: 1 },
    text: /^kq_soft_max of layer 0, token [1-5], head [0-7]: the row sums to [1-6]\.\d+, wanted 1/,
  },
  {
    kernel: 'maskOff',
    alone: ['softmax-mask kq_soft_max', 'first-value kqv_out'],
    // A decode step has no later token to see, and a prefill of the same tokens has.
    further: ['attention-first attn_out', 'cache k_rope', 'cache v_proj'],
    first: { check: 'softmax-mask', step: 0, layer: 0, stage: 'kq_soft_max', wanted: 0 },
    text: /of its attention goes to positions after its own, wanted 0: the mask does not hide them/,
  },
  {
    kernel: 'ropeHalves',
    alone: ['rope-norm q_rope', 'rope-norm k_rope'],
    first: { check: 'rope-norm', step: 0, layer: 0, stage: 'q_rope' },
    text: /^q_rope of layer 0, token [1-5], .+ it rotates halves, not adjacent pairs/,
  },
  {
    kernel: 'ropeOneOn',
    alone: ['rope-identity q_rope', 'rope-identity k_rope'],
    first: { check: 'rope-identity', step: 0, layer: 0, stage: 'q_rope', token: 0 },
    text: /^q_rope of layer 0, token 0, .+: at position 0 a rotation changes nothing/,
  },
  {
    kernel: 'noResidual',
    alone: ['residual ffn_inp', 'residual l_out'],
    first: { check: 'residual', step: 0, layer: 0, stage: 'ffn_inp' },
    text: /^ffn_inp of layer 0, token [0-5], .+ it is attn_out alone, embd was not added/,
  },
  {
    kernel: 'cacheOneOn',
    alone: ['first-value kqv_out'],
    further: ['attention-first attn_out'],
    first: { check: 'first-value', step: 0, layer: 0, stage: 'kqv_out', token: 0 },
    text: /^kqv_out of layer 0, token 0, .+: the first token sees only itself/,
  },
  {
    kernel: 'cacheAtZero',
    alone: [],
    further: ['cache k_rope', 'cache v_proj'],
    // What layer 0 puts into the cache is right: it is only put in the wrong place.
    first: { check: 'cache', step: 1, layer: 1, token: 6 },
    text: /of layer 1 at step 1, token 6: it is .+ away from the same position in one prefill/,
  },
  {
    kernel: 'nan',
    alone: ['finite ffn_swiglu'],
    first: { check: 'finite', step: 0, layer: 0, stage: 'ffn_swiglu', token: 2 },
    text: /^the first NaN is in ffn_swiglu of layer 0, token 2, index 3; its inputs \(ffn_gate, ffn_up\) are finite/,
  },
];

describe.each(SICK)('what must hold by itself: $kernel', ({ kernel, alone, further = [], first, text }) => {
  const out = path(kernel);
  let report: Report;
  beforeAll(async () => {
    report = (await probeJson([...RUN, '--out', out], wrong(kernel))).json;
  });

  test('compare names the check, the stage and the layer, of the sick side only', () => {
    const { candidate, reference } = report.checks;
    expect(reference.broken).toEqual([]);
    expect(candidate.broken[0]).toMatchObject(first);
    expect(candidate.broken[0]?.text).toMatch(text);
    // What a write past the cache's end does is the adapter's to decide.
    const isSure = (place: string) => kernel !== 'cacheOneOn' || !place.startsWith('cache ');
    expect(placesOf(candidate).filter(isSure)).toEqual([...alone, ...further].sort());
    if (first.check !== 'finite' && first.check !== 'cache') {
      const layers = candidate.broken.filter(({ check, step }) => check === first.check && step === 0);
      expect([...new Set(layers.map(({ layer }) => layer))].sort()).toEqual(LAYERS);
    }
    expect(report.verdict).toBe('diverged');
  });

  test('probe check says the same of the dump alone', async () => {
    const sick = await check(join(out, 'candidate.arrow'));
    expect(placesOf(sick.json)).toEqual([...alone].sort());
    expect(sick.code).toBe(alone.length > 0 ? 1 : 0);
    if (alone.length > 0) expect(sick.json.broken[0]).toEqual(report.checks.candidate.broken[0]);
  });
});

describe('a healthy run', () => {
  test.each([
    ['exact', 'F16'],
    ['native', 'Q4_K'],
  ])('%s, %s: every check has looked, on both sides, and nothing is broken', async (mode, type) => {
    const args = ['--reference', mode, '--quantize', type, '--teacher-forced'];
    const { code, json } = await probeJson([...RUN, ...args]);
    for (const side of ['candidate', 'reference'] as const) {
      expect(json.checks[side].broken).toEqual([]);
      for (const [name, rows] of Object.entries(json.checks[side].checked))
        expect(rows, `${side}: ${name}`).toBeGreaterThan(0);
    }
    expect(code).toBe(0);
  });
});

describe('probe check', () => {
  const out = path('turned');
  const sick = join(out, 'candidate.arrow');
  let compared: string;
  beforeAll(async () => {
    compared = (await probe([...RUN, '--no-teacher-forced', '--out', out], wrong('valuesInTurns'))).stdout;
  });

  test('--model adds the product of the first attention', async () => {
    const [plain, model] = await Promise.all([check(sick), check(sick, '--model', MODEL)]);
    expect(plain.json.checked['attention-first']).toBe(0);
    expect(model.json.checked['attention-first']).toBe(LAYERS.length);
    expect(placesOf(model.json)).toEqual(['attention-first attn_out', 'first-value kqv_out']);
    expect(model.code).toBe(1);
    const healthy = await check(join(out, 'reference.arrow'), '--model', MODEL);
    expect(healthy.json).toMatchObject({ broken: [], checked: { 'attention-first': LAYERS.length } });
    expect(healthy.code).toBe(0);
  });

  test('as text: a mark for each check, and what is broken in a sentence', async () => {
    const { code, stdout } = await probe(['check', sick]);
    expect(stdout).toMatch(
      /^✗ diverged: first-value does not hold: kqv_out, layers 0 to 1\n.* by itself, without any reference:\n {2}kqv_out of layer 0, token 0/,
    );
    expect(stdout).toMatch(/^✓ softmax-sum +\d+ rows$/m);
    expect(stdout).toMatch(/^✗ first-value +\d+ rows, 2 stages broken$/m);
    expect(stdout).toMatch(/^ {2}kqv_out of layer 0, token 0, head \d: .+ in turns/m);
    expect(stdout).not.toContain('attention-first');
    expect(code).toBe(1);
  });

  test('compare has a sentence of it too', () => {
    expect(compared).toMatch(
      /^llama-probe by itself, without any reference:\n {2}kqv_out of layer 0, token 0, head \d: .+ in turns/m,
    );
    expect(compared).not.toMatch(/^llama\.cpp by itself/m);
  });

  /** A dump of one stage of two tokens. */
  const dumpOf = (stage: string, values: readonly number[]) => {
    const file = path('own.arrow');
    const writer = new DumpWriter(file);
    const [tokens, row] = [Int32Array.of(0, 1), Float32Array.from(values)];
    if (values.length > 0)
      writer.write({ step: 0, order: 0, layer: 0, stage, positions: tokens, width: 2, values: row });
    writer.close({ producer: { name: 'my-engine', version: '1' }, tokens: [1, 2] });
    return file;
  };

  test.each<[string, () => string]>([
    ['is empty', () => dumpOf('', [])],
    ['has nodes of its own only', () => dumpOf('my_node', [1, 2, 3, 4])],
  ])('a dump that %s has nothing to check: it could not be told', async (_, make) => {
    const file = make();
    const { code, stdout } = await probe(['check', file]);
    expect(stdout).toMatch(/^\? incomparable: nothing of the vocabulary is in this dump/);
    expect(code).toBe(2);
  });

  test('a NaN in a node of its own is found', async () => {
    const { code, json } = await check(dumpOf('my_node', [1, 2, Number.NaN, 4]));
    expect(json.broken).toMatchObject([{ check: 'finite', stage: 'my_node', layer: 0, token: 1 }]);
    expect(code).toBe(1);
  });

  test('a dump or a model that is not there is an error', async () => {
    for (const args of [['/no/such.arrow'], [sick, '--model', '/no/such.gguf'], [BUNDLED], [sick, '--model', sick]]) {
      const { code, stdout, stderr } = await probe(['check', ...args]);
      expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
      expect(stderr.match(/^probe: /gm)).toHaveLength(1);
      expect(stderr).not.toMatch(/^ +at |This is a bug/m);
    }
  });

  test('dumps of other tokens cannot be compared; the sick one is still found out', async () => {
    const theirs = await loadDump(join(out, 'reference.arrow'));
    const tokens = theirs.metadata.tokens.with(1, 3);
    const other = writeDump({ ...theirs, metadata: { ...theirs.metadata, tokens } }, (tensors) => tensors);
    const { code, json } = await probeJson(['diff', sick, other]);
    expect(json.verdict).toBe('incomparable');
    expect(json.stages).toEqual([]);
    expect(placesOf(json.checks.candidate)).toEqual(['first-value kqv_out']);
    expect(json.checks.reference.broken).toEqual([]);
    expect(json.checks.reference.checked.residual).toBeGreaterThan(0);
    expect(code).toBe(2);
    const { stdout } = await probe(['diff', other, sick]);
    expect(stdout).toMatch(/^\? incomparable: The two sides ran different tokens/m);
    expect(stdout).toMatch(/^llama-probe by itself, without any reference:$/m);
  });
});
