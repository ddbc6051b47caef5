import { UsageError } from '../errors.js';
import { ServerError } from './errors.js';

/** What a server answered. */
export interface Reply {
  readonly status: number;
  /** undefined where it is not JSON. */
  readonly json: unknown;
  /** Its own words, short, of an answer that is a refusal. */
  readonly said: string;
}

export interface ClientOptions {
  /** Without the path of an endpoint. */
  readonly address: string;
  readonly key?: string | undefined;
  /** Seconds, of one request. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

const MOST = 256 * 2 ** 20; // bytes of an answer
const SAID = 200; // characters of what a server says of itself

/** Asks one server, and no other: it follows no redirect. */
export class Client {
  /** So far. */
  requests = 0;

  constructor(private readonly options: ClientOptions) {}

  get address(): string {
    return this.options.address;
  }

  /** Whether a key goes to another machine in the clear. */
  get isInTheOpen(): boolean {
    const { address, key } = this.options;
    return key !== undefined && /^http:\/\/(?!localhost\b|127\.|\[::1\])/.test(address);
  }

  get(path: string): Promise<Reply> {
    return this.send(path, { method: 'GET' });
  }

  post(path: string, body: object): Promise<Reply> {
    return this.send(path, { method: 'POST', body: JSON.stringify(body) });
  }

  /** @throws ServerError where no answer comes, or one that every other request would have too */
  private async send(path: string, request: RequestInit): Promise<Reply> {
    const { address, key, timeout, signal } = this.options;
    const url = address + path;
    this.requests++;
    const late = AbortSignal.timeout(timeout * 1000);
    const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
    try {
      const response = await fetch(url, {
        ...request,
        headers: { 'content-type': 'application/json', accept: 'application/json', ...authorization },
        redirect: 'manual',
        signal: AbortSignal.any([signal, late]),
      });
      const text = await textOf(response);
      if (response.status >= 300 && response.status < 400)
        throw new ServerError(
          'server-redirect',
          `${url} redirects to ${this.hidden(response.headers.get('location') ?? 'another place')}, and redirects are not followed: the prompt and the key go to the address that was given only. Give that address, if it is yours.`,
        );
      if (response.status === 401 || response.status === 403) throw this.refusedKey(url, response.status);
      return { status: response.status, json: jsonOf(text), said: this.hidden(saidIn(text)) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ServerError) throw error;
      if (late.aborted)
        throw new ServerError(
          'server-timeout',
          `${url} gave no answer within ${timeout} s. Give it more (--timeout), or fewer tokens (--steps, a shorter prompt).`,
        );
      throw this.unreachable(url, error);
    }
  }

  /** Without the key, in whose words it may be. */
  private hidden(text: string): string {
    const { key } = this.options;
    return key === undefined ? text : text.replaceAll(key, '…');
  }

  private refusedKey(url: string, status: number): ServerError {
    const { key } = this.options;
    const remedy =
      key === undefined
        ? 'Put its key into the environment as PROBE_API_KEY, or name the variable that has it: --key-env NAME.'
        : 'The key that was sent is not one that it takes; look at the variable (PROBE_API_KEY, or --key-env).';
    return new ServerError('server-key', `${url} wants a key (${status}). ${remedy}`);
  }

  private unreachable(url: string, error: unknown): ServerError {
    const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
    const why = cause?.code ?? cause?.message ?? message;
    const remedy =
      why === 'ECONNREFUSED'
        ? 'Nothing listens there: start the server, or look at the port.'
        : why === 'ENOTFOUND' || why === 'EAI_AGAIN'
          ? 'There is no such host.'
          : 'Is it an HTTP server, and http or https as it wants it?';
    return new ServerError('server-unreachable', `${url} cannot be asked (${this.hidden(why)}). ${remedy}`);
  }
}

/** @throws ServerError where it is longer than anything that was asked for */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MOST)
      throw new ServerError('server-answer', `${response.url} answers with more than ${MOST / 2 ** 20} MiB.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What an answer says of an error: OpenAI's `error.message`, FastAPI's `detail`, or its beginning. */
function saidIn(text: string): string {
  const json = jsonOf(text) as { error?: { message?: unknown } | string; message?: unknown; detail?: unknown } | null;
  const error = json?.error;
  const own = (typeof error === 'object' ? error?.message : error) ?? json?.message ?? json?.detail;
  const said = own === undefined ? text : typeof own === 'string' ? own : JSON.stringify(own);
  const line = said.replace(/\s+/g, ' ').trim();
  return line.length > SAID ? `${line.slice(0, SAID)}…` : line;
}

/**
 * A key from the environment. It is in no report, no log and no error.
 *
 * @param name of the variable that the user named; PROBE_API_KEY without one, which need not be there
 * @throws UsageError where the variable that was named is not there, or holds what no header can
 */
export function keyFrom(name: string | undefined, option: string): string | undefined {
  const variable = name ?? 'PROBE_API_KEY';
  const key = process.env[variable];
  if (key === undefined || key === '') {
    if (name === undefined) return undefined;
    throw new UsageError(`${option}: the environment has no variable ${name}; wanted one that holds the server's key.`);
  }
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new UsageError(
      `${variable}: what it holds cannot be a key: it has spaces, line ends or other characters that no header takes.`,
    );
  return key;
}
