import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLong } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import type { TextReport } from '../packages/probe/src/commands/text.js';
import { firstBlocks } from './support/models.js';
import { once, path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

/** An engine that shares no code with this project. */
const MINE = fileURLToPath(new URL('engine/mini-llama.mjs', import.meta.url));
const SAMPLE = readFileSync(new URL('../scripts/bundled-model/sample.txt', import.meta.url), 'utf8');

const text = (content: string): string => {
  const file = path('text.txt');
  writeFileSync(file, content);
  return file;
};
const sample = once(async () => text(SAMPLE));
/** One block of the bundled model: where it is not the model that matters, and a program computes it in plain loops. */
const small = once(async () => firstBlocks(1));

describe('probe text', () => {
  test("llama-probe's own engine agrees with llama.cpp on a text, and the file of log-probabilities can be the reference", async () => {
    const base = path('base.kld');
    const args = ['text', '--window', '48', '--windows', '2'];
    const first = await probeJson<TextReport>([...args, '--text', await sample(), '--save-base', base]);
    expect(first.json).toMatchObject({ kind: 'text', verdict: 'agree', over: 0, stages: [], source: { window: 48 } });
    expect(first.json.statistics.positions).toBe(2 * 23);
    expect(first.json.statistics.sameTop.value).toBe(1);
    expect(first.code).toBe(0);

    const again = await probeJson<TextReport>(['text', '--base', base, '--no-floors']);
    expect(again.json).toMatchObject({ verdict: 'agree', source: { kind: 'base', tokens: 96 } });
    expect(again.json.statistics.positions).toBe(2 * 23);
    const ppl = [first, again].map(({ json }) => json.statistics.perplexity);
    expect(ppl[1]?.candidate).toEqual(ppl[0]?.candidate);
    // Its log-probabilities have 16 bits over 16 nats.
    expect(Math.abs(Math.log((ppl[1]?.reference.value ?? 0) / (ppl[0]?.reference.value ?? 0)))).toBeLessThan(
      16 / 65535,
    );
  });

  test('a quantised model as it is agrees: its floor is the noise of llama.cpp', async () => {
    const args = [
      'text',
      '--text',
      await sample(),
      '--window',
      '64',
      '--windows',
      '4',
      '--quantize',
      'Q4_K',
      '--reference',
      'native',
    ];
    const { json, code } = await probeJson<TextReport>(args);
    expect(json.reason).toContain('within the limit');
    expect(json.floor.maxKl).toBeGreaterThan(0);
    expect(code).toBe(0);
  });

  test("a known bug is found, and named at the worst position: in llama.cpp's own run", async () => {
    const args = ['text', '--text', await sample(), '--window', '32', '--windows', '1', '--candidate', 'llama'];
    const { stdout, code } = await probe([...args, '--inject', 'rope-theta@1']);
    expect(stdout).toMatch(/✗ diverged: The KL divergence is over the limit .* at \d+ of 15 positions/);
    expect(stdout).toContain('q_rope of layer 1 is the first stage that is wrong');
    expect(stdout).toContain('RoPE has another base frequency (rope_freq_base = 500000)');
    expect(code).toBe(1);
  });

  test('a cache that ends is found in a longer text: where it begins, which stage, and its name', async () => {
    const [seen, window] = isLong ? [300, 500] : [40, 70];
    const engine = `node '${MINE}' --only-asked --bug window --window ${seen} --format npz`;
    const args = [
      'text',
      '--model',
      await small(),
      '--text',
      text(SAMPLE + SAMPLE),
      '--window',
      String(window),
      '--windows',
      '1',
    ];
    const { json, code } = await probeJson<TextReport>([
      ...args,
      '--engine',
      engine,
      '--find',
      'onset',
      '--worst',
      '1',
    ]);
    expect(json.windows.map(({ tokens }) => tokens)).toEqual([window]);
    // Before that nothing is wrong, and soon after the logits show it.
    expect(json.windows[0]?.firstOver).toBeGreaterThanOrEqual(seen);
    const [onset] = json.onsets;
    expect(onset?.position).toBeGreaterThanOrEqual(seen);
    expect(onset?.position).toBeLessThan(seen + 20);
    expect(onset?.tokens).toBe((onset?.position ?? 0) + 1);
    const [found] = json.stages;
    expect(found?.report.first).toMatchObject({ stage: 'kq', layer: 0, token: seen });
    expect(json.reason).toContain(
      `kq of layer 0 is the first stage that is wrong, from token ${seen} on: Attention is cut off`,
    );
    expect(code).toBe(1);
  });

  test('what is wrong in one of many prompts is found there, from which token on, and named', async () => {
    const [count, bad] = isLong ? [40, 7] : [5, 3];
    const prompts = Array.from({ length: count }, (_, i) => ({ tokens: [1, 300 + i, 15, 400 + i, 20, 500 + i] }));
    const file = text(prompts.map((prompt) => JSON.stringify(prompt)).join('\n'));
    const script = path('one.sh'); // an engine that goes wrong by a token that one prompt has
    const run = `node '${MINE}' --only-asked --format npz`;
    writeFileSync(script, `case ",$PROBE_TOKENS," in *,${400 + bad},*) ${run} --bug gqa-tiled;; *) ${run};; esac\n`);
    const args = ['text', '--model', await small(), '--prompts', file, '--engine', `sh ${script}`, '--find', 'onset'];
    const { json, code } = await probeJson<TextReport>(args);
    expect(json.windows.filter(({ over }) => over > 0).map(({ window }) => window)).toEqual([bad]);
    expect(json.reason).toContain(`in 1 of ${count} prompts`);
    // Without that token it computes as it should.
    expect(json.onsets).toMatchObject([{ window: bad, tokens: 4 }]);
    expect(json.stages[0]?.report.first).toMatchObject({ stage: 'kq', cause: { id: 'gqa-tiled' } });
    expect(code).toBe(1);
  });

  test('dumps of an engine in a folder are the candidate: the one that is wrong is found, and its stage named', async () => {
    const dumps = path('dumps');
    mkdirSync(dumps);
    const capture = async (name: string, ...more: string[]) => {
      const args = ['capture', '--from', 'webgpu', '--prompt', `Tom has ${name} cats`, '--steps', '1', ...more];
      expect((await probe([...args, '--out', join(dumps, name)])).code).toBe(0);
    };
    await capture('a.safetensors', '--steps', '0');
    await capture('b.arrow', '--inject', 'rope-theta@1');
    await capture('c.arrow');
    const { json, code } = await probeJson<TextReport>(['text', '--prompts', dumps]);
    expect(json.windows.map(({ dump, over }) => [dump, over > 0])).toEqual([
      ['a.safetensors', false],
      ['b.arrow', true],
      ['c.arrow', false],
    ]);
    expect(json.candidate.name).toBe('llama-probe with rope-theta@1 and llama-probe');
    expect(json.notCompared.missing).toBe(0);
    // What it has decoded is of the prompt, and the whole dump is looked at.
    expect(json.stages).toMatchObject([{ window: 1, position: (json.windows[1]?.tokens ?? 0) - 1 }]);
    expect(json.reason).toContain('of prompt 2 (b.arrow), q_rope of layer 1 is the first stage that is wrong');
    expect(json.reason).toContain('RoPE has another base frequency');
    expect(code).toBe(1);

    const refused = await probe(['text', '--prompts', dumps, '--find', 'onset']);
    expect(refused.stderr).toContain('--find is for a candidate that is run');
    expect(refused.code).toBe(2);
    await capture('d.arrow', '--stages', 'q_rope');
    const without = await probe(['text', '--prompts', dumps, '--no-floors']);
    expect(without.stderr).toContain('d.arrow has no logits');
    expect(without.code).toBe(2);
  });

  test.each([
    [
      'only where the prompt is cut',
      'mask-forgets-past',
      8,
      'On these tokens it is there only where they are cut: with chunks of 8 it is wrong from position 8 on, the first of chunk 2; in one chunk of 9 it agrees.',
      [8, null],
    ],
    [
      'in one chunk too',
      'rope-theta@1',
      1,
      'With chunks of 1 it is wrong, and in one chunk of 2 too, from position 1 on.',
      [1, 1],
    ],
  ])('a bug that is there %s is told so', async (_, bug, ubatch, says, positions) => {
    const args = ['text', '--prompts', text('Tom has a cat. It was a big day'), '--find', 'onset', '--no-floors'];
    const { json } = await probeJson<TextReport>([...args, '--inject', bug, '--ubatch', String(ubatch)]);
    expect(json.reason).toContain(says);
    expect(json.onsets[0]?.chunks?.sizes.map(({ position }) => position)).toEqual(positions);
  });

  test('goes on where a run was ended, to the same numbers', async () => {
    const state = path('state');
    const prompts = text('Hello\nWhat is it?\nTom has a cat.\n');
    const args = ['text', '--prompts', prompts, '--worst', '0'];
    const whole = (await probeJson<TextReport>([...args, '--state', state])).json;
    const lines = readFileSync(state, 'utf8').split('\n');
    expect(lines).toHaveLength(1 + 3 + 1);
    // As if it had been killed while it wrote the third prompt; and the second one is told from what is run.
    const second = JSON.parse(lines[2] ?? '');
    second.scores.scores[0].kl = 1;
    writeFileSync(state, [lines[0], lines[1], JSON.stringify(second), lines[3]?.slice(0, 20)].join('\n'));
    const again = (await probeJson<TextReport>([...args, '--state', state])).json;
    expect(again.windows.map(({ over }) => over)).toEqual([0, 1, 0]);
    expect(again.windows[2]).toEqual(whole.windows[2]);
    expect(again.floor).toEqual(whole.floor);
    expect(readFileSync(state, 'utf8').split('\n')).toHaveLength(1 + 3 + 1);
    const other = await probe([...args, '--state', state, '--inject', 'rope-halves']);
    expect(other.stderr).toContain('is of another text, model, candidate or version');
    expect(other.code).toBe(2);
  });

  test.each([
    ['no text', [], 'Wanted a text or prompts'],
    ['a text and prompts', ['--text', 'a.txt', '--prompts', 'b.txt'], '--text and --prompts were given'],
    ['a text that is not there', ['--text', 'nowhere.txt'], 'nowhere.txt cannot be read'],
    ['windows of prompts', ['--prompts', 'b.txt', '--window', '9'], '--window is for --text'],
    ['a stride that no file has a place for', ['--text', 'a', '--stride', '9', '--save-base', 'b'], '--save-base'],
    ['a file that is no base', ['--base', MINE], 'does not begin with _logits_'],
    ['a window that the model cannot take', ['--text', MINE, '--window', '5000'], 'context of 512 tokens'],
    ['a prompt of other ids', ['--prompts', text('{"tokens": [1]}\n{"tokens": [1000]}')], 'prompt 2 of'],
    [
      'a prompt that is too long',
      ['--prompts', text(JSON.stringify({ tokens: Array(513).fill(1) }))],
      'has 513 tokens',
    ],
    ['what only a program takes', ['--text', 'a.txt', '--map', 'm.json'], '--map is for a program'],
    ['what only the engine takes', ['--text', 'a.txt', '--engine', 'mine', '--inject', 'rms-eps'], '--inject'],
  ])('%s is refused', async (_, args, says) => {
    const { code, stderr } = await probe(['text', ...args]);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });
});
