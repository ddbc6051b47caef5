import { inShort } from '@llama-probe/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Trial } from '../packages/comparison/src/diagnosis/trial.js';
import { loadDump, writeDump } from './support/dumps.js';
import { BUNDLED, firstBlocks } from './support/models.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

const PROMPT = ['--prompt', 'What is 2 plus 3?', '--steps', '1'];

interface Listed {
  readonly faults: readonly { id: string; title: string; stages: string[]; source: string }[];
  readonly trials: readonly Trial[] | null;
}

describe('probe bugs', () => {
  test('lists the catalogue', async () => {
    const { code, json } = await probeJson<Listed>(['faults']);
    expect(code).toBe(0);
    expect(json.trials).toBeNull();
    const ids = json.faults.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, title, stages, source } of json.faults) {
      expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(title.length, id).toBeGreaterThan(8);
      expect(stages.length, id).toBeGreaterThan(0);
      expect(source, id).toMatch(/\S/);
    }
    for (const id of ['rope-halves', 'rms-eps', 'gqa-tiled', 'k-quant-scales', 'tokens-bos-missing'])
      expect(ids).toContain(id);
    const { stdout } = await probe(['bugs']);
    for (const id of ids) expect(stdout).toContain(` ${id} `);
  });

  test('what changes nothing proves nothing', async () => {
    const model = ['--model', firstBlocks(1)];
    const { code, json } = await probeJson<Listed>(['bugs', '--run', '--only', 'bias-missing', ...model]);
    expect(json.trials?.map(({ layer, run, found }) => [layer, run, found])).toEqual([
      [0, 'free', 'unseen'],
      [0, 'teacher-forced', 'unseen'],
      [null, 'free', 'unseen'],
      [null, 'teacher-forced', 'unseen'],
    ]);
    expect(code).toBe(2);
  });

  test('puts bugs into runs, finds them where they are and names them', async () => {
    const layers = [0, 1];
    /** Each in every layer; where null is among them, in a stage of the whole model, too. */
    const all: Readonly<Record<string, readonly (number | null)[]>> = {
      'rope-halves': layers,
      'norm-weight-twice': [...layers, null],
      'gqa-tiled': layers,
      'rms-skipped': [...layers, null],
      'attention-scale-missing': layers,
      'nibble-order': [...layers, null],
      'residual-twice': layers,
      'head-empty': [null],
    };
    const places = Object.fromEntries(inShort(Object.entries(all), 2));
    const bugs = ['--only', Object.keys(places).join(), '--model', firstBlocks(layers.length), '--quantize', 'Q4_K'];
    const { code, json } = await probeJson<Listed>(['bugs', '--run', ...bugs]);
    const byId = (one: { id: string }, two: { id: string }) => one.id.localeCompare(two.id); // the catalogue has an order of its own
    const wanted = Object.entries(places).flatMap(([id, layers]) =>
      layers.flatMap((layer) =>
        (['free', 'teacher-forced'] as const).map((run) => {
          const at = expect.stringMatching(new RegExp(`^0/${layer ?? '-'}/`));
          return { id, layer, run, found: 'right', at, named: 'first', confidence: 'confirmed', name: id };
        }),
      ),
    );
    expect(json.trials?.toSorted(byId)).toEqual(wanted.toSorted(byId).map((one) => expect.objectContaining(one)));
    expect(code).toBe(0);
  });
});

describe('--inject', () => {
  test('shows a bug: other text, the stage, and its name', async () => {
    const { code, json } = await probeJson([
      'compare',
      '--prompt',
      'What is 2 plus 3?',
      '--steps',
      '3',
      '--inject',
      'rope-halves',
    ]);
    expect(code).toBe(1);
    expect(json.first).toMatchObject({ stage: 'q_rope', layer: 0, step: 0 });
    expect(json.first?.cause).toMatchObject({ id: 'rope-halves', confidence: 'confirmed' });
    expect(json.first?.cause?.delta).toBeLessThan(1e-6);
    expect(json.candidate.injected).toEqual(['rope-halves']);
    expect(json.generated?.candidate.tokens).not.toEqual(json.generated?.reference.tokens);
    const faults = new Set(json.faults?.map(({ stage, layer }) => `${stage}-${layer}`));
    expect(faults).toEqual(new Set([0, 1, 2, 3].flatMap((layer) => [`q_rope-${layer}`, `k_rope-${layer}`])));
    for (const { cause, stage, layer } of json.faults ?? []) expect(cause?.id, `${stage}-${layer}`).toBe('rope-halves');
  });

  test('several at once, each in its layer, are each found and named', async () => {
    const { json } = await probeJson([
      'compare',
      ...PROMPT,
      '--inject',
      'norm-weight-missing@0,gqa-tiled@1,activation-relu@3',
    ]);
    const found = json.faults?.map(({ stage, layer, cause }) => `${stage}-${layer} ${cause?.id}`);
    expect(found?.sort()).toEqual([
      'attn_norm-0 norm-weight-missing',
      'ffn_norm-0 norm-weight-missing',
      'ffn_swiglu-3 activation-relu',
      'kq-1 gqa-tiled',
      'kqv_out-1 gqa-tiled',
    ]);
  });

  test('says so in the text', async () => {
    const { stdout } = await probe(['compare', ...PROMPT, '--inject', 'rope-halves@2']);
    expect(stdout).toMatch(/^ {2}q_rope of layer 2 at the steps 0 to 1: local delta/m);
    expect(stdout).toMatch(
      /^✗ diverged: RoPE turns the halves of a head, not neighbours: q_rope and k_rope, layer 2$/m,
    );
    expect(stdout).toMatch(/^ {2}how sure: confirmed \(rope-halves\): .+ differ from yours by \d/m);
    expect(stdout).toMatch(/with rope-halves@2/);
  });

  // packages/comparison/test/inject-option.test.ts has all that is refused before anything runs.
  test.each([
    ['rope-halfs', /"rope-halfs" is not in the catalogue; did you mean rope-halves\?/],
    ['k-quant-scales', /has nothing to change in this model and run; it needs a weight of a K-quant/],
  ])('%s is refused', async (inject, message) => {
    const { code, stderr } = await probe(['compare', ...PROMPT, '--inject', inject]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe('two dumps', () => {
  const reference = path('with-bos.arrow');
  beforeAll(async () => {
    const run = ['--prompt', 'Hello, my friend!', '--steps', '0', '--stages', 'embd'];
    await probe(['capture', '--from', 'llama', ...run, '--out', reference]);
  });

  test('with another model than theirs: refused', async () => {
    const model = firstBlocks(1);
    for (const command of [
      ['diff', reference, reference],
      ['check', reference],
    ]) {
      const { code, stderr } = await probe([...command, '--model', model]);
      expect(code).toBe(2);
      expect(stderr).toMatch(
        /with-bos\.arrow is of another file, smalltalk-4M-F16\.gguf \(F16\); give the model that was run/,
      );
    }
  });

  test('of other tokens: a missing BOS is said to be that', async () => {
    const dump = await loadDump(reference);
    const tokens = dump.metadata.tokens.slice(1);
    const candidate = writeDump({ ...dump, metadata: { ...dump.metadata, tokens } }, (tensors) => tensors);
    const { code, json } = await probeJson(['diff', candidate, reference, '--model', BUNDLED]);
    expect(code).toBe(2);
    expect(json.tokenDiagnosis).toMatchObject({ id: 'tokens-bos-missing', at: 0 });
    const { stdout } = await probe(['diff', candidate, reference, '--model', BUNDLED]);
    expect(stdout).toContain('BOS is missing');
  });
});
