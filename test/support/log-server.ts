import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Reference } from '@llama-probe/reference';

/** As which server it answers. */
export type Manner =
  /** llama-server: ids are taken, tokens come with ids and bytes, and `echo` is ignored. */
  | 'llama'
  /** vLLM: ids are taken, the prompt's places come with `echo`, tokens are `token_id:…` where that is asked for. */
  | 'vllm'
  /** One that takes a text only, refuses what it does not know and more than five tokens, and spells tokens. */
  | 'plain'
  /** One that has chats only. */
  | 'chat';

export interface ServerBug {
  /** Of logits, before the softmax. @param before the tokens up to there */
  readonly logits?: (logits: Float32Array, before: readonly number[]) => Float32Array;
  /** Of the tokens that are run in place of those that were sent. */
  readonly tokens?: (ids: readonly number[]) => readonly number[] | Promise<readonly number[]>;
  /** Of the tokens that a decoded one sees in its cache. */
  readonly cache?: (ids: readonly number[]) => readonly number[];
  /** Of a log-probability, as it is written. */
  readonly written?: (logP: number) => number;
  /** All probability is on the likeliest token, at temperature 0 or always. */
  readonly isGreedy?: boolean | 'always';
  readonly key?: string;
  /** It leaves out spaces in front of words when it spells tokens. */
  readonly trims?: boolean;
}

export interface LogServer extends AsyncDisposable {
  readonly url: string;
  /** The bodies that it was sent. */
  readonly asked: Record<string, unknown>[];
}

const WORD = 300; // any token

interface Row {
  readonly token: number;
  readonly logP: Float64Array | undefined;
}

/** A small server on 127.0.0.1 whose numbers are llama.cpp's own, with a bug where that is wanted. */
export async function logServer(llama: Reference, manner: Manner, bug: ServerBug = {}): Promise<LogServer> {
  const asked: Record<string, unknown>[] = [];
  // The space in front of a text's first word is left out; that of a later one is not.
  const before = await llama.detokenize(bug.trims ? [] : [WORD]);
  const spell = async (id: number) =>
    (await llama.detokenize([...(bug.trims ? [] : [WORD]), id], { special: false })).slice(before.length);
  const rows = async (ids: readonly number[]) => {
    const all: Float32Array[] = [];
    for await (const { positions, width, values } of llama.run({ tokens: ids, stages: ['result_output'] }).tensors)
      for (const row of positions.keys()) all.push(values.slice(row * width, (row + 1) * width));
    return all;
  };
  const logPs = (logits: Float32Array, before: readonly number[], temperature: number): Float64Array => {
    const own = bug.logits?.(logits, before) ?? logits;
    const top = own.reduce((best, one) => Math.max(best, one), -Infinity);
    if (bug.isGreedy === 'always' || (bug.isGreedy && temperature === 0))
      return Float64Array.from(own, (one) => (one === top ? 0 : -9999));
    const whole = top + Math.log(own.reduce((sum, one) => sum + Math.exp(one - top), 0));
    return Float64Array.from(own, (one) => bug.written?.(one - whole) ?? one - whole);
  };

  /** The places of the prompt, and of what is decoded after it. */
  async function run(sent: readonly number[], most: number, temperature: number): Promise<[Row[], Row[]]> {
    const ids = (await bug.tokens?.(sent)) ?? sent;
    const ofPrompt = await rows(ids);
    const prompt = ids.map((token, i) => ({
      token,
      logP: i === 0 ? undefined : logPs(ofPrompt[i - 1] as Float32Array, ids.slice(0, i), temperature),
    }));
    const decoded: Row[] = [];
    const context = [...ids];
    for (let step = 0; step < most; step++) {
      const seen = step === 0 ? context : (bug.cache?.(context) ?? context);
      const logits = step === 0 ? ofPrompt.at(-1) : (await rows(seen)).at(-1);
      const logP = logPs(logits as Float32Array, context, temperature);
      const token = logP.reduce((best, one, id) => (one > (logP[best] as number) ? id : best), 0);
      decoded.push({ token, logP });
      context.push(token);
    }
    return [prompt, decoded];
  }

  const likeliest = (logP: Float64Array, count: number) =>
    [...logP.keys()].sort((a, b) => (logP[b] as number) - (logP[a] as number)).slice(0, count);

  async function contentOf(all: readonly Row[], top: number, hasIds: boolean) {
    const one = async (id: number, logP: Float64Array) => {
      const token = await spell(id);
      return { ...(hasIds ? { id } : {}), token, bytes: [...Buffer.from(token)], logprob: logP[id] };
    };
    return Promise.all(
      all.map(async ({ token, logP = new Float64Array() }) => ({
        ...(await one(token, logP)),
        top_logprobs: await Promise.all(likeliest(logP, top).map((id) => one(id, logP))),
      })),
    );
  }

  async function completionsOf(all: readonly Row[], top: number, name: (id: number) => Promise<string> | string) {
    const tops = all.map(async ({ logP }) =>
      logP
        ? Object.fromEntries(await Promise.all(likeliest(logP, top).map(async (id) => [await name(id), logP[id]])))
        : null,
    );
    return {
      tokens: await Promise.all(all.map(({ token }) => name(token))),
      token_logprobs: all.map(({ token, logP }) => logP?.[token] ?? null),
      top_logprobs: await Promise.all(tops),
      text_offset: [],
    };
  }

  async function answer(path: string, body: Record<string, unknown>): Promise<[number, object]> {
    const refuse = (message: string): [number, object] => [400, { error: { message } }];
    const { temperature } = body as { temperature: number };
    if (path === '/v1/models') return [200, { data: [{ id: 'small' }] }];
    if (path === '/v1/chat/completions' && manner === 'chat') {
      const [{ content } = { content: '' }] = body.messages as { content: string }[];
      const ids = await llama.tokenize(await llama.chat(content), { addSpecial: true });
      const [, decoded] = await run(ids, body.max_tokens as number, temperature);
      const content2 = await contentOf(decoded, body.top_logprobs as number, false);
      return [200, { choices: [{ logprobs: { content: content2 } }], usage: { prompt_tokens: ids.length } }];
    }
    if (path !== '/v1/completions' || manner === 'chat') return [404, { detail: 'Not Found' }];
    const { prompt, logprobs: top, echo, max_tokens: most } = body as Record<string, number> & { prompt: unknown };
    if (manner === 'plain') {
      if (typeof prompt !== 'string') return refuse('prompt: a string is required');
      if (echo || 'return_tokens_as_token_ids' in body) return refuse('unknown field');
      if ((top as number) > 5) return refuse('logprobs must be at most 5');
    }
    const ids = typeof prompt === 'string' ? await llama.tokenize(prompt) : (prompt as number[]);
    const [given, decoded] = await run(ids, most as number, temperature);
    const usage = { prompt_tokens: given.length };
    if (manner === 'llama')
      return [200, { choices: [{ logprobs: { content: await contentOf(decoded, top as number, true) } }], usage }];
    const name = body.return_tokens_as_token_ids ? (id: number) => `token_id:${id}` : spell;
    const logprobs = await completionsOf(echo ? [...given, ...decoded] : decoded, top as number, name);
    return [200, { choices: [{ logprobs }], usage }];
  }

  const server = createServer(async (request, response) => {
    const { method, url: path = '' } = request;
    const body = method === 'POST' ? JSON.parse(await textOf(request)) : {};
    if (method === 'POST') asked.push(body);
    const isLocked = bug.key !== undefined && request.headers.authorization !== `Bearer ${bug.key}`;
    const locked: [number, object] = [401, { error: { message: `no such key: ${request.headers.authorization}` } }];
    const [status, json] = isLocked ? locked : await answer(path, body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
  return { url: await listening(server), asked, [Symbol.asyncDispose]: () => closed(server) };
}

/** Any server on a free port of 127.0.0.1. @returns its address */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
