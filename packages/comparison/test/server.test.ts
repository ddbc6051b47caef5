import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seeded } from '@llama-probe/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { addressOf } from '../src/server/address.js';
import { answerOf } from '../src/server/answer.js';
import { ask } from '../src/server/asking.js';
import { causesOf } from '../src/server/causes.js';
import { Client } from '../src/server/client.js';
import { logPOf } from '../src/server/floor.js';
import type { Place } from '../src/server/left.js';
import { heldTo, type LogP, writtenAs } from '../src/server/sparse.js';
import { Spelling } from '../src/server/spelling.js';
import { shellWord } from '../src/shell-word.js';

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close().closeAllConnections();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  open.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const client = (address: string, more: { key?: string; timeout?: number } = {}) =>
  new Client({ address, timeout: 5, signal: new AbortController().signal, ...more });

describe('the address', () => {
  test.each([
    'http://127.0.0.1:8080',
    'http://127.0.0.1:8080/',
    'http://127.0.0.1:8080/v1/',
    'http://127.0.0.1:8080/v1/chat/completions',
  ])('%s', (text) => {
    expect(addressOf(text)).toBe('http://127.0.0.1:8080');
  });

  test('what is none, or has a secret in it, is refused without showing it', () => {
    expect(() => addressOf('127.0.0.1:8080')).toThrow('is no address of a server');
    expect(() => addressOf('file:///etc/passwd')).toThrow('is no address of a server');
    for (const secret of ['http://me:s3cret@host', 'http://host/?key=s3cret', 'http://host/#s3cret']) {
      expect(() => addressOf(secret)).toThrow('--key-env');
      expect(() => addressOf(secret)).not.toThrow('s3cret');
    }
  });
});

describe('a server that gives nothing', () => {
  const question = {
    tokens: [1, 2, 3],
    textOf: async () => 'a b',
    message: undefined,
    steps: 0,
    top: 20,
    model: undefined,
  };
  const asking = (one: Client) => ask(one, question, new Spelling({ pieces: [], raw: [] }), { say: () => {} });

  test('nothing listens there', async () => {
    const address = await listen(() => {});
    open.splice(0)[0]?.close();
    await expect(asking(client(address))).rejects.toMatchObject({
      code: 'server-unreachable',
      message: expect.stringContaining('start the server'),
    });
  });

  test('it is too slow', async () => {
    const address = await listen(() => {});
    await expect(asking(client(address, { timeout: 1 }))).rejects.toMatchObject({ code: 'server-timeout' });
  });

  test('it redirects: the prompt and the key go nowhere else', async () => {
    let elsewhere = 0;
    const other = await listen((_, response) => {
      elsewhere++;
      response.end('{}');
    });
    const address = await listen((_, response) => {
      response.writeHead(307, { location: other }).end();
    });
    await expect(asking(client(address, { key: 'k3y' }))).rejects.toMatchObject({ code: 'server-redirect' });
    expect(elsewhere).toBe(0);
  });

  test('it repeats the key in its error', async () => {
    const address = await listen((request, response) => {
      response.writeHead(400).end(JSON.stringify({ error: { message: `bad ${request.headers.authorization}` } }));
    });
    const failed = await asking(client(address, { key: 's3cret' })).catch(({ message }) => message);
    expect(failed).toContain('refused (400): bad Bearer …');
    expect(failed).not.toContain('s3cret');
  });

  test.each([
    ['no such endpoint', 404, '{}', 'there is none (404)'],
    ['not JSON', 200, '<html>hi</html>', 'the answer is not JSON: <html>hi</html>'],
    ['not JSON but for NaN', 200, '{"choices":[{"logprobs":NaN}]}', 'it has NaN or infinities'],
    ['no log-probabilities', 200, '{"choices":[{"text":"hi","logprobs":null}]}', 'answered without log-probabilities'],
  ])('%s', async (_, status, body, said) => {
    const address = await listen((_, response) => {
      response.writeHead(status).end(body);
    });
    await expect(asking(client(address))).rejects.toMatchObject({
      code: 'server-answer',
      message: expect.stringContaining(said),
    });
  });
});

describe('an answer', () => {
  test('of completions: tokens by id, and nothing before the first', () => {
    const logprobs = {
      tokens: ['token_id:1', 'token_id:5'],
      token_logprobs: [null, -2],
      top_logprobs: [null, { 'token_id:7': -0.5, 'token_id:5': -2 }],
    };
    expect(answerOf({ choices: [{ logprobs }], usage: { prompt_tokens: 2 } })).toEqual({
      places: [
        { token: { id: 1, text: 'token_id:1' }, top: [] },
        {
          token: { id: 5, text: 'token_id:5' },
          top: [
            { id: 7, text: 'token_id:7', logP: -0.5 },
            { id: 5, text: 'token_id:5', logP: -2 },
          ],
        },
      ],
      promptTokens: 2,
      choices: 1,
    });
  });

  test("of chats, and llama-server's own; from after sampling too", () => {
    const place = { id: 3, token: ' a', bytes: [32, 97], logprob: -1, top_logprobs: [] };
    const wanted = [
      { token: { id: 3, bytes: '2061', text: ' a' }, top: [{ id: 3, bytes: '2061', text: ' a', logP: -1 }] },
    ];
    expect(answerOf({ choices: [{ logprobs: { content: [place] } }] })?.places).toEqual(wanted);
    expect(answerOf({ completion_probabilities: [place], tokens_evaluated: 4 })).toMatchObject({
      places: wanted,
      promptTokens: 4,
    });
    const sampled = { id: 3, token: 'a', prob: 1, top_probs: [{ id: 3, token: 'a', prob: 1 }] };
    expect(answerOf({ completion_probabilities: [sampled] })?.places[0]?.top[0]?.logP).toBe(0);
  });
});

describe('spelling', () => {
  const pieces = [' a', 'a', 'b', ' ', ' '].map((text, i) => ({
    bytes: Buffer.from(text).toString('hex'),
    kind: i === 4 ? ('byte' as const) : ('normal' as const),
  }));

  test('a word may be one with a space in front, unless the server writes spaces', () => {
    const spelling = new Spelling({ pieces, raw: ['▁a', 'a', 'b', '▁', '<0x20>'] });
    expect(spelling.idOf({ text: 'a' })).toBeUndefined();
    expect(spelling.idOf({ text: 'b' })).toBe(2);
    expect(spelling.idOf({ text: ' ' })).toBe(3);
    spelling.learn([{ text: ' a' }]);
    expect(spelling.idOf({ text: 'a' })).toBe(1);
    expect(spelling.idOf({ text: '▁a' })).toBe(0);
    expect(spelling.idOf({ id: 9, text: 'a' })).toBeUndefined();
  });
});

test('what is to be typed next is one word of a shell, whatever a file is called', () => {
  expect(shellWord('models/a-1.gguf')).toBe('models/a-1.gguf');
  expect(shellWord("my model's.gguf")).toBe("'my model'\\''s.gguf'");
  expect(shellWord('$(reboot)')).toBe("'$(reboot)'");
});

describe('causes', () => {
  const random = seeded();
  /** Logits, and what a server with a temperature of 0.7 says of them, but for an error of so much beside it. */
  const places = (beside: number): Place[] =>
    Array.from({ length: 6 }, (_, position) => {
      const logits = Float32Array.from({ length: 60 }, () => 8 * random());
      const warm = Array.from(logits, (one, id) => one / 0.7 + beside * Math.sin(7 * id + position));
      const sum = Math.log(warm.reduce((total, one) => total + Math.exp(one), 0));
      const row = { ids: [...warm.keys()], logP: warm.map((one) => one - sum), top: undefined, unresolved: 0 };
      const kl = heldTo(row, logPOf(logits))?.kl ?? Number.NaN;
      return { position, before: [1], logits, row, kl, limit: kl / 1.1 };
    });
  const named = async (beside: number) =>
    (await causesOf(places(beside), [], async () => new Map())).map(({ id }) => id);

  test('take away all but a twentieth of the divergence: what leaves more, within all limits, is none', async () => {
    expect(await named(0)).toEqual(['temperature']);
    expect(await named(0.02)).toEqual(['temperature']);
    expect(await named(0.35)).toEqual([]);
  });
});

describe('the divergence of what was returned', () => {
  const random = seeded();
  const softmax = (logits: readonly number[]): number[] => {
    const sum = logits.reduce((total, one) => total + Math.exp(one), 0);
    return logits.map((one) => one - Math.log(sum));
  };
  const of = (all: readonly number[], most: number) => {
    const ids = [...all.keys()].sort((a, b) => (all[b] as number) - (all[a] as number)).slice(0, most);
    return { ids, logP: ids.map((id) => all[id] as number), top: ids[0], unresolved: 0 };
  };

  test('is never more than the whole, and the whole where all are returned', () => {
    for (let round = 0; round < 200; round++) {
      const right = softmax(Array.from({ length: 40 }, () => 8 * random()));
      const ours = softmax(right.map((one) => one + random()));
      const reference: LogP = (id) => right[id];
      const whole = right.reduce((sum, one, id) => sum + Math.exp(one) * (one - (ours[id] as number)), 0);
      let last = 0;
      for (const most of [1, 5, 20, 39, 40]) {
        const kl = heldTo(of(ours, most), reference)?.kl ?? Number.NaN;
        expect(kl).toBeLessThanOrEqual(whole + 1e-9);
        expect(kl).toBeGreaterThanOrEqual(last - 1e-4);
        last = kl;
      }
      expect(last).toBeCloseTo(whole, 6);
      expect(heldTo(of(right, 5), reference)?.kl).toBeLessThan(1e-12);
    }
  });

  test('how numbers are written shows in them', () => {
    const rows = (change: (value: number) => number) => [
      of(softmax(Array.from({ length: 30 }, () => 8 * random())).map(change), 20),
    ];
    expect(writtenAs(rows((one) => Number(one.toFixed(2)))).decimals).toBe(2);
    expect(writtenAs(rows((one) => one))).toEqual({ decimals: null, isBf16: false });
    const bf16 = (one: number) => {
      const bits = new Uint32Array(Float32Array.of(one).buffer);
      bits[0] = ((bits[0] as number) & 0xffff0000) >>> 0;
      return new Float32Array(bits.buffer)[0] as number;
    };
    expect(writtenAs(rows(bf16)).isBf16).toBe(true);
  });
});
