import { openReference, type Reference } from '@llama-probe/reference';
import { inShort } from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServerReport } from '../packages/probe/src/commands/server.js';
import { logServer, type Manner, type ServerBug } from './support/log-server.js';
import { firstBlocks } from './support/models.js';
import { probe, probeJson } from './support/session.js';

/** Half of the bundled model's blocks: its distributions are what is compared. */
const MODEL = firstBlocks(2);

let llama: Reference;
beforeAll(async () => {
  llama = await openReference({ model: MODEL, mode: 'exact' });
});
afterAll(() => llama.close());

const PROMPT = 'What is 2 plus 3?';

async function ask(manner: Manner, bug: ServerBug = {}, args: readonly string[] = []) {
  await using server = await logServer(llama, manner, bug);
  const ended = await probeJson<ServerReport>([
    'server',
    server.url,
    '--model',
    MODEL,
    '--prompt',
    PROMPT,
    '--steps',
    '6',
    ...args,
  ]);
  return { ...ended, asked: server.asked };
}

const scaled = (by: number) => (logits: Float32Array) => logits.map((one) => one / by);
const penalised = (by: number) => (logits: Float32Array, before: readonly number[]) =>
  logits.map((one, id) => (before.includes(id) ? (one > 0 ? one / by : one * by) : one));

const presence = (by: number) => (logits: Float32Array, before: readonly number[]) =>
  logits.map((one, id) => (before.includes(id) ? one - by : one));
const likeliest = (count: number) => (logits: Float32Array) => {
  const least = logits.toSorted().at(-count) as number;
  return logits.map((one) => (one >= least ? one : Number.NEGATIVE_INFINITY));
};
const inChat = async (ids: readonly number[]) =>
  llama.tokenize(await llama.chat((await llama.detokenize(ids.slice(1))).trim()));

describe('probe server', () => {
  const manners = [
    ['llama', 9 + 12, { prompt: 'ids', way: 'steps', tokensAs: 'ids' }],
    ['vllm', 9 + 6, { prompt: 'ids', way: 'echo', tokensAs: 'ids', requests: 2 }],
    ['plain', 9 + 6, { prompt: 'text', way: 'steps', tokensAs: 'text', top: 5 }],
  ] as const;
  test.each(manners)('a right server agrees, in the manner of %s', async (manner, positions, asked) => {
    const steps = String(positions - 9); // of llama-server more than the prompt has: no echo all the same
    const { json, code } = await ask(manner, {}, ['--precision', 'f32', '--steps', steps]);
    expect(json.reason).toContain('within the limit');
    expect(json).toMatchObject({ kind: 'server', verdict: 'agree', over: 0, first: null, causes: [], asked });
    const bos = manner === 'plain' ? 1 : 0; // no text is that
    expect(json.statistics).toMatchObject({ positions: positions - bos, sameTop: 1 });
    expect(json.statistics.maxKl).toBeLessThan(1e-9);
    expect(code).toBe(0);
  });

  test('of a prompt only what follows its last tokens is asked for, where that is what is wanted', async () => {
    for (const manner of ['llama', 'vllm'] as const) {
      const { json, code } = await ask(manner, {}, ['--precision', 'f32', '--last', '3']);
      expect(json.positions.map(({ position }) => position)).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14]);
      expect(json).toMatchObject({ verdict: 'agree', notCompared: { missing: 0 } });
      expect(json.notes.join()).toContain('only what follows the last 3 was asked for');
      expect(json.asked.requests).toBeLessThan(8); // there are 8 prefixes
      expect(code).toBe(0);
    }
    const { code, stderr } = await ask('llama', {}, ['--last', '3', '--chat']);
    expect(stderr).toContain('--last is of the prompt');
    expect(code).toBe(2);
  });

  test('of a chat what is decoded is compared', async () => {
    const once = ['--prompt', 'Once upon a time', '--steps', '4']; // it ends the other one's answer sooner
    const { json, code } = await ask('chat', {}, ['--chat', '--precision', 'f32', ...once]);
    expect(json).toMatchObject({
      verdict: 'agree',
      asked: { way: 'chat', prompt: 'chat' },
      notCompared: { missing: 0 },
    });
    expect(json.statistics.positions).toBe(5);
    expect(code).toBe(0);
  });

  const BIASED = 437; // likely at several positions, and not in the prompt
  const bugs: [string, Manner, ServerBug, object][] = [
    ['a temperature', 'llama', { logits: scaled(0.7) }, { id: 'temperature', value: 0.7 }],
    ['only the likeliest five', 'llama', { logits: likeliest(5) }, { id: 'only-returned' }],
    ['a chat template around a text', 'plain', { tokens: inChat }, { id: 'chat-template' }],
    ['a presence penalty', 'vllm', { logits: presence(0.5) }, { id: 'presence-penalty', value: 0.5 }],
    [
      'a repetition penalty and a temperature',
      'vllm',
      { logits: (row, before) => scaled(0.7)(penalised(1.3)(row, before)) },
      { id: 'temperature+repetition-penalty', parts: [{ value: 0.7 }, { value: 1.3 }] },
    ],
    ['a BOS too many', 'vllm', { tokens: (ids) => [1, ...ids] }, { id: 'bos-doubled' }],
    [
      'no BOS',
      'plain',
      { tokens: (ids) => (ids[0] === 1 && ids.length > 1 ? ids.slice(1) : ids) },
      { id: 'bos-missing' },
    ],
    ['a repetition penalty', 'llama', { logits: penalised(1.3) }, { id: 'repetition-penalty', value: 1.3 }],
    [
      'a logit bias',
      'vllm',
      { logits: (row) => row.map((one, id) => (id === BIASED ? one + 1.5 : one)) },
      { id: 'logit-bias', value: 1.5, parts: [{ token: BIASED, value: 1.5 }] },
    ],
  ];
  test.each(inShort(bugs, 3))('%s is found and named', async (_, manner, bug, cause) => {
    const { json, code } = await ask(manner, bug);
    expect(json.verdict).toBe('diverged');
    expect(json.causes).toMatchObject([cause]);
    expect(code).toBe(1);
  });

  test('a cache that forgets is told from a wrong pass: the token, what both say, and what to run next', async () => {
    // From the fourth decoded token on, some slots of the cache hold another token.
    const cache = (ids: readonly number[]) =>
      ids.length > 12 ? ids.map((id, i) => (i > 3 && i < 12 ? 300 : id)) : ids;
    const { json, code } = await ask('llama', { cache });
    expect(json).toMatchObject({ verdict: 'diverged', causes: [], first: { position: 12, from: 'decoded' } });
    expect(json.first?.asPrompt).toMatchObject({ agrees: true });
    expect(json.pointsTo.join()).toContain('decoding');
    expect(json.next.join()).toMatch(/probe itself .* --tokens 1,[\d,]+ --steps 4/);
    expect(code).toBe(1);
  });

  test('a pass that is wrong from a token on: the first that departs, and no name for what nobody knows', async () => {
    const logits = (row: Float32Array, before: readonly number[]) =>
      before.length > 6 ? row.map((one, id) => one + Math.sin(id + before.length)) : row;
    await using server = await logServer(llama, 'vllm', { logits });
    const args = ['server', server.url, '--model', MODEL, '--prompt', PROMPT, '--steps', '2'];
    const { stdout, code } = await probe(args);
    expect(stdout).toMatch(/✗ diverged: Token 6 \(of the prompt\) is the first/);
    expect(stdout).toContain('cause: unknown');
    expect(stdout).toContain('Token 0 agrees');
    expect(stdout).toMatch(/probe compare .* --tokens 1(,\d+){6} --steps 0/);
    expect(code).toBe(1);
  });

  test('numbers that are rounded, and those of a greedy choice, accuse nobody', async () => {
    const { json } = await ask('vllm', { isGreedy: true, written: (logP) => Number(logP.toFixed(2)) }, [
      '--precision',
      'f32',
    ]);
    expect(json).toMatchObject({ verdict: 'agree', asked: { temperature: 1, decimals: 2 } });
  });

  test('a server that says the greedy choice only is not accused', async () => {
    await using server = await logServer(llama, 'llama', { isGreedy: 'always' });
    const { code, stderr } = await probe(['server', server.url, '--model', MODEL, '--steps', '2']);
    expect(stderr).toContain('puts all probability on one token');
    expect(code).toBe(2);
  });

  test('a server that leaves spaces out is not accused of other words', async () => {
    const { json } = await ask('plain', { trims: true });
    expect(json).toMatchObject({ verdict: 'agree', over: 0 });
    expect(json.notCompared.unresolved).toBeGreaterThan(0);
  });

  test('two servers: the second is taken for right', async () => {
    await using right = await logServer(llama, 'llama');
    const same = await ask('vllm', {}, ['--against', right.url]);
    expect(same.json).toMatchObject({ verdict: 'agree', reference: { name: right.url } });
    const { json, code } = await ask('vllm', { logits: scaled(0.5) }, ['--against', right.url]);
    expect(json).toMatchObject({ verdict: 'diverged', causes: [] });
    expect(code).toBe(1);
  });

  test('a key goes to the server alone', async () => {
    const key = 'k-3f1c9a';
    await using server = await logServer(llama, 'vllm', { key });
    const args = ['server', server.url, '--model', MODEL, '--steps', '1'];
    const right = await probe(args, { env: { PROBE_API_KEY: key } });
    expect(right.code).toBe(0);
    const wrong = await probe([...args, '--key-env', 'OTHER_KEY', '--json'], { env: { OTHER_KEY: 'wrong-3f1c9a' } });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('wants a key (401)');
    for (const { stdout, stderr } of [right, wrong]) expect(stdout + stderr).not.toContain('3f1c9a');
  });
});
