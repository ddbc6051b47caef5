import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inShort, randomFrom, text, tinyArchitecture, tinyLlama, writeGguf } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import type { Itself } from '../packages/probe/src/commands/itself.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import { runTool } from './support/toolchains.js';

/** An engine that shares no code with this project; what it does wrong with its cache is chosen with --cache-bug (test/engine/llama.mjs). */
const MINE = fileURLToPath(new URL('engine/mini-llama.mjs', import.meta.url));
const PROMPT = ['--tokens', '1,38,29,21,9,41,22,7,48'];
const RUN = [...PROMPT, '--steps', '5'];
const of = (options = '') => [
  ...['itself', '--engine', `node '${MINE}' --chunk {chunk} ${options}`],
  ...['--model', tinyModel(), ...RUN],
];

const sizes = { layers: 2, embd: 64, heads: 4, kvHeads: 2, headDim: 16, ff: 40, vocab: 64, context: 64 };
const STAGES = 1 + 2 * 19 + 3;

/** A Llama of two layers, written once. */
function tinyModel(): string {
  const file = path('itself-tiny.gguf');
  if (existsSync(file)) return file;
  const llama = tinyLlama(sizes, randomFrom(7));
  llama.metadata['tokenizer.ggml.model'] = text('no_vocab');
  writeFileSync(file, writeGguf(llama).bytes);
  return file;
}

describe('probe itself', () => {
  // Nine tokens, five steps: a step begins at 9, a chunk at 3.
  test.each(
    inShort(
      [
        ['positions-restart', 'q_rope', [9, 3], 'turned by position 0, not 9: positions start again in each batch'],
        ['mask-restarts', 'kq', [9, 3], 'hidden (NaN) in one of the two only. It points to the mask of a batch'],
        [
          'mask-ahead',
          'kq_soft_max',
          [null, 3],
          'In chunks:3 it sees tokens 4, 5, which it does not see in the prefill. Token 4 comes after it',
        ],
        ['slot-overwritten', 'kq', [11, 9], 'Its scores against token 1 differ, of 12. It points to the K cache'],
        ['one-place-off', 'kq', [9, 3], 'They are those against the token beside it. It points to the K cache'],
        ['turned-again', 'kq', [9, 3], 'These are keys of earlier batches. It points to the K cache'],
        ['values-of-first', 'kqv_out', [9, 3], 'so it points to the V cache'],
      ],
      3,
    ),
  )('an engine whose cache has %s: at its token and stage', async (bug, stage, positions, says) => {
    const { code, json } = await probeJson<Itself>([...of(`--cache-bug ${bug}`), '--chunks', '3']);
    expect(json.ways.map((way) => way.name)).toEqual(['steps', 'chunks:3']);
    expect(json.ways.map((way) => way.first?.position ?? null)).toEqual(positions);
    for (const { first } of json.ways) if (first) expect(first).toMatchObject({ layer: 0, stage });
    expect(json.reason).toContain(says);
    expect(json.reason).not.toContain('confirmed');
    expect(code).toBe(1);
  });

  test('a healthy one agrees, in 16 bits too', async () => {
    for (const [options, precision] of [
      ['', 'f32'],
      ['--precision bf16', 'bf16'],
    ] as const) {
      const { code, json } = await probeJson<Itself>([...of(options), '--chunks', '4']);
      expect(json).toMatchObject({ kind: 'itself', verdict: 'agree', precision });
      for (const way of json.ways) expect(way).toMatchObject({ verdict: 'agree', rows: 14 * STAGES, first: null });
      expect(code).toBe(0);
    }
  });

  test('a program that only decodes is held to one prefill of what it ran', async () => {
    const { code, stdout } = await probe([
      'itself',
      '--engine',
      `node '${MINE}' --bug decode-position --format npz`,
      ...['--model', tinyModel(), ...RUN],
    ]);
    expect(stdout).toMatch(/✗ steps +9 at once, then one by one +from token 9 on, at q_rope of layer 0 first/);
    expect(stdout).toContain('turned by position 10, not 9: one place off');
    expect(stdout).toContain('No chunks: the command takes no {chunk}');
    expect(code).toBe(1);
  });

  test('without the stages of attention it is said that it may begin there', async () => {
    const { json } = await probeJson<Itself>([
      ...of('--cache-bug one-place-off'),
      '--stages',
      'embd,l_out',
      '--chunks',
      '4',
    ]);
    expect(json.ways[0]?.first).toMatchObject({ position: 9, layer: 0, stage: 'l_out', after: { stage: 'embd' } });
    expect(json.reason).toContain('kq, kq_soft_max, kqv_out of this layer were not captured');
  });

  test.each([
    ['webgpu', 'rope-position-restarts', 'q_rope', [9, 3, 8], 'turned by position 0, not 9'],
    ['llama', 'mask-forgets-past', 'kq_soft_max', [9, 3, 8], 'In steps it does not see tokens 1, 2'],
  ])('%s with %s', async (from, bug, stage, positions, says) => {
    const { code, json } = await probeJson<Itself>(['itself', '--from', from, '--inject', bug, ...RUN]);
    expect(json.ways.map((way) => [way.first?.stage, way.first?.position])).toEqual(positions.map((at) => [stage, at]));
    expect(json.reason).toContain(says);
    expect(code).toBe(1);
  });

  test.each(['webgpu', 'llama'])('%s is the same in every way, of several architectures', async (from) => {
    const tokens = '1,15,7,30,22,41,9,33,12,5,11,44,3,6,19,25';
    for (const model of healthyModels()) {
      const args = [
        'itself',
        '--from',
        from,
        '--model',
        model,
        '--tokens',
        tokens,
        '--steps',
        '4',
        '--chunks',
        '1,2,5,7,16',
      ];
      const { json } = await probeJson<Itself>(args);
      expect(json).toMatchObject({ verdict: 'agree' });
      expect(json.ways).toHaveLength(6);
      for (const way of json.ways) expect(way.rows).toBeGreaterThan(20 * 30);
    }
  });

  test('runs that are over: one made as a prefill, one in steps', async () => {
    const [whole, stepped, sick] = [path('whole.npz'), path('stepped.arrow'), path('sick.arrow')];
    const written = (file: string, options: readonly string[], args: readonly string[]) =>
      runTool(process.execPath, [MINE, ...options, '--model', tinyModel(), ...args, '--out', file.replace('.npz', '')]);
    written(stepped, [], RUN);
    const prefillOf = async (run: string) => {
      const { json } = await probeJson<Itself>(['itself', run, run]);
      written(whole, ['--format', 'npz'], ['--tokens', json.tokens.join(), '--steps', '0']);
    };
    await prefillOf(stepped);
    const { code, json } = await probeJson<Itself>(['itself', whole, stepped]);
    expect(json).toMatchObject({
      verdict: 'agree',
      base: { name: whole },
      ways: [{ batches: '9 at once, then one by one' }],
    });
    expect(code).toBe(0);
    written(sick, ['--cache-bug', 'turned-again'], RUN);
    await prefillOf(sick);
    const bad = await probeJson<Itself>(['itself', whole, sick]);
    expect(bad.json.ways[0]?.first).toMatchObject({ stage: 'kq', layer: 0, position: 9 });
    expect(bad.code).toBe(1);
    expect((await probe(['itself', stepped, sick])).stderr).toContain('Wanted runs of the same tokens, all of them');
  });

  test.each([
    ['one run', ['a.npz'], 'a.npz is one run; wanted two of the same tokens'],
    ['a run and a program', ['a.npz', 'b.npz', '--engine', 'mine'], '--engine is for runs that are made now'],
    ['two who run', ['--engine', 'mine', '--from', 'llama'], 'leave one of them out'],
    ['chunks of nothing', ['--chunks', '3,0'], '--chunks: "0" is not how many tokens a batch has'],
    [
      'one way only',
      ['--engine', `node '${MINE}'`, '--model', tinyModel(), ...PROMPT, '--steps', '0'],
      'the program has one way only',
    ],
  ])('%s is refused', async (_, args, says) => {
    const { code, stderr } = await probe(['itself', ...args]);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });
});

/** Tiny ones of several architectures. */
function healthyModels(): string[] {
  const names = inShort(['gemma2', 'qwen3', 'gpt-oss', 'gemma3', 'phi3', 'qwen3moe'] as const, 2);
  const others = names.map((name) => [name, tinyArchitecture(name, randomFrom(5))] as const);
  const files = others.map(([name, parts]) => {
    const file = path(`itself-${name}.gguf`);
    writeFileSync(file, writeGguf(parts).bytes);
    return file;
  });
  return [tinyModel(), ...files];
}
