import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { CrashError, fromWire, LlamaCppError } from '../errors.js';
import {
  type Answer,
  END_OF_LOG,
  endOfLog,
  FROM_PIPE,
  LOG_PIPE,
  type Method,
  type Methods,
  TENSOR_PIPE,
} from './protocol.js';

const LOG_LINES = 40;

/** What llama.cpp was doing when it died, in words for the message, and what may help. */
const DOING: Record<Method, { what: string; remedy: string }> = {
  unload: { what: 'freeing a model', remedy: '' },
  open: { what: 'loading its libraries', remedy: 'Reinstall them with: npm install --include=optional' },
  describe: { what: 'reading the model file', remedy: 'The file may be damaged; fetch or convert it again.' },
  load: { what: 'loading the model', remedy: 'The file may be damaged; fetch or convert it again.' },
  loadVocabulary: {
    what: 'loading the vocabulary',
    remedy: 'The file may be damaged; fetch or convert it again.',
  },
  pieces: { what: 'spelling tokens', remedy: "The model's vocabulary may be incomplete." },
  quantize: {
    what: 'quantising the model',
    remedy: 'The file may be damaged, or the type may not suit its shapes; try another type.',
  },
  tokenize: {
    what: 'tokenising the prompt',
    remedy:
      "The model's vocabulary may be incomplete (such as one without byte tokens); give token ids instead of text with --tokens.",
  },
  detokenize: { what: 'turning tokens into text', remedy: "The model's vocabulary may be incomplete." },
  chat: {
    what: 'applying the chat template',
    remedy: 'Write the prompt in the model’s format yourself and give it as plain text.',
  },
  operations: { what: "reading the model's graph", remedy: 'Without it no cause is looked for.' },
  weightTypes: { what: "reading ggml's type traits", remedy: 'Reinstall its libraries.' },
  weights: { what: 'dequantising a tensor', remedy: 'The file may be damaged; fetch or convert it again.' },
  run: { what: 'evaluating the model', remedy: 'Fewer tokens, or other options, may get around it.' },
};

const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

interface Waiting {
  method: Method;
  resolve: (result: never) => void;
  reject: (error: Error) => void;
}

export interface ProcessOptions {
  signal?: AbortSignal | undefined;
  /** Each line that llama.cpp logs. */
  onLog?: (line: string) => void;
}

/** A child process with llama.cpp in it. It keeps this process alive until it is closed. */
export class LlamaProcess {
  /** Arrow streams, one for each run. */
  readonly tensors: Socket;
  /** What sendGiven() writes to. */
  readonly given: Socket;
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();
  private readonly log: string[] = [];
  private readonly logEnded: Promise<unknown>;
  private readonly marks = new Map<string, () => void>();
  private partialLine = '';
  private nextId = 1;
  private lastGiven = 0;
  private isClean = true; // nothing has failed in it
  private ended: Error | undefined;
  private readonly onAbort = () => this.end(abortError(this.options.signal));

  constructor(private options: ProcessOptions = {}) {
    options.signal?.throwIfAborted();
    this.child = fork(new URL('../../dist/bundle/child.js', import.meta.url), {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'ipc'],
      execArgv: [],
      // a debugger's trace of a crash helps nobody here, and takes seconds
      env: { ...process.env, GGML_NO_BACKTRACE: '1' },
    });
    living.add(this.child);
    this.tensors = this.child.stdio[TENSOR_PIPE] as Socket;
    this.given = this.child.stdio[FROM_PIPE] as Socket;
    // The end is seen by who reads; a reset when the child dies is no error of its own.
    for (const pipe of [this.tensors, this.given]) pipe.on('error', () => {});
    const stderr = this.child.stdio[LOG_PIPE] as Socket;
    stderr.setEncoding('utf8').on('data', (text: string) => this.onLogText(text));
    this.logEnded = once(stderr, 'close');
    this.child.on('message', (answer: Answer) => void this.onAnswer(answer));
    this.child.on('error', (cause) =>
      this.end(
        new CrashError('llama-start', `the process for llama.cpp could not be started (${cause.message}).`, { cause }),
      ),
    );
    this.child.on('exit', (code, signal) => void this.onExit(code, signal));
    options.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  request<M extends Method>(method: M, parameters: Methods[M][0]): Promise<Methods[M][1]> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      const id = this.nextId++;
      if (this.waiting.size === 0) this.log.length = 0;
      this.waiting.set(id, { method, resolve: resolve as never, reject });
      this.child.send({ id, method, parameters }, (error) => {
        if (error && !this.ended) this.child.kill('SIGKILL'); // onExit tells why
      });
    });
  }

  /** A number that no other run of this process has had. */
  nextGiven(): number {
    return ++this.lastGiven;
  }

  /**
   * Frees its model and keeps nothing alive any more, until occupy(). @returns false where something is being done or has failed in it, and it
   * had better be closed
   */
  async vacate(): Promise<boolean> {
    if (this.ended || !this.isClean || this.waiting.size > 0) return false;
    try {
      const id = this.nextId;
      await this.request('unload', null);
      await this.logMarked(id);
    } catch {
      return false;
    }
    if (this.ended) return false;
    this.use({});
    this.keepAlive('unref');
    return true;
  }

  /** For whoever is next. @returns false where it has ended meanwhile */
  occupy(options: ProcessOptions): boolean {
    if (this.ended) return false;
    this.use(options);
    this.keepAlive('ref');
    return true;
  }

  private use(options: ProcessOptions): void {
    this.options.signal?.removeEventListener('abort', this.onAbort);
    this.options = options;
    options.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  private keepAlive(how: 'ref' | 'unref'): void {
    const [, , log] = this.child.stdio;
    for (const one of [this.child, this.child.channel, this.tensors, this.given, log as Socket]) one?.[how]();
  }

  /** Ends the process, whatever it is doing, and waits until it is gone. @param why what further requests are told */
  async close(why: Error): Promise<void> {
    this.end(why);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.ref(); // it may have been left, and is waited for now
    await once(this.child, 'exit');
  }

  private end(error: Error): void {
    if (this.ended) return;
    this.ended = error;
    this.options.signal?.removeEventListener('abort', this.onAbort);
    this.child.kill('SIGKILL');
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
    this.tensors.destroy();
    this.given.destroy();
  }

  private async onExit(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    living.delete(this.child);
    if (this.ended) return;
    await this.logEnded;
    const [first] = this.waiting.values();
    this.end(this.crash(first?.method, code, signal));
  }

  private crash(method: Method | undefined, code: number | null, signal: NodeJS.Signals | null): Error {
    if (signal === 'SIGINT' || signal === 'SIGTERM' || signal === 'SIGHUP') {
      return new LlamaCppError('llama-interrupted', `interrupted (${signal}).`);
    }
    const how = signal ?? `exit status ${code}`;
    const doing = method ? DOING[method] : { what: 'waiting', remedy: '' };
    const said = this.said() || '(nothing)';
    if (signal === 'SIGKILL') {
      return new CrashError(
        'llama-killed',
        `the system killed llama.cpp while it was ${doing.what} (${how}): most likely the memory ran out. Close other programs, take a smaller model or a shorter prompt, or the native reference instead of the exact one. It last said:\n${said}`,
      );
    }
    return new CrashError(
      'llama-crashed',
      `llama.cpp crashed while it was ${doing.what} (${how}). ${doing.remedy} It last said:\n${said}`,
    );
  }

  private async onAnswer(answer: Answer): Promise<void> {
    const waiting = this.waiting.get(answer.id);
    if (!waiting) return;
    if ('error' in answer) {
      this.isClean = false;
      await this.logMarked(answer.id);
    }
    this.waiting.delete(answer.id);
    if ('error' in answer) waiting.reject(fromWire(answer.error, this.said()));
    else waiting.resolve(answer.result as never);
  }

  private onLogText(text: string): void {
    const lines = (this.partialLine + text).split('\n');
    this.partialLine = lines.pop() as string;
    for (const line of lines) {
      if (line.startsWith(END_OF_LOG)) {
        const waiting = this.marks.get(line);
        if (waiting) waiting();
        this.marks.set(line, () => {});
        continue;
      }
      if (line.trim() === '') continue;
      this.log.push(line);
      if (this.log.length > LOG_LINES) this.log.shift();
      this.options.onLog?.(line);
    }
  }

  /** Waits until everything that was logged before an error has arrived here. */
  private logMarked(id: number): Promise<void> {
    const line = endOfLog(id);
    return this.marks.has(line) ? Promise.resolve() : new Promise((resolve) => this.marks.set(line, resolve));
  }

  private said(): string {
    const errors = this.log.filter((line) => /error|fail|invalid|assert|terminate|what\(\)/i.test(line));
    return (errors.length > 0 ? errors : this.log.slice(-8))
      .slice(-12)
      .map((line) => `  ${line.trim()}`)
      .join('\n');
  }
}

function abortError(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new DOMException('interrupted', 'AbortError');
}
