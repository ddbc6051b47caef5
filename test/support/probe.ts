import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize } from 'node:v8';
import { inject } from 'vitest';
import { decode } from '../../packages/comparison/src/report-json.js';
import type { Report } from '../../packages/probe/src/index.js';

/** The command as a user starts it. */
const PROBE = fileURLToPath(new URL('../../packages/probe/bin/probe.js', import.meta.url));

/** Holds what the tests of this worker write; gone when all are done. */
export const scratch = mkdtempSync(join(inject('temporary'), 'e2e-'));

const running = new Set<ChildProcess>();
/** Ends what a test that failed has left. */
export function killRunning(): void {
  for (const child of running) child.kill('SIGKILL');
}

let made = 0;

/** A path in the scratch folder that nobody has used. @example path('dumps') → …/7-dumps */
export const path = (name: string): string => join(scratch, `${++made}-${name}`);

/** Where runs keep made models and measured floors: a model that one test file has made is there for all. */
export let CACHE = inject('cache');

/** A cache that is empty and no other test file's, for the rest of this one: for what looks into it, or damages it. */
export function ownCache(): string {
  CACHE = path('cache');
  return CACHE;
}

/** The cache that is everybody's again: for the next test file. */
export function sharedCache(): void {
  CACHE = inject('cache');
}

/** What runs take for the system's folder of temporary files. */
export const TEMPORARY = mkdtempSync(join(scratch, 'tmp-'));

export interface Options {
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** A process group of its own, as a terminal gives to each command. */
  detached?: boolean;
  /** Where standard output goes instead of a pipe. */
  stdout?: number;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What of the caller's environment reaches a command: no settings and no colours, but which of llama.cpp's builds and which adapters. */
export const isInherited = (name: string): boolean =>
  /^LLAMA_PROBE_(CPU|ADAPTERS)$/.test(name) || !/^(LLAMA_PROBE_|FORCE_COLOR|NO_COLOR|NODE_)/.test(name);

/** Starts the command. */
export function start(args: readonly string[], { env = {}, cwd, detached = false, stdout }: Options = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => isInherited(name));
  const child = spawn(process.execPath, [PROBE, ...args], {
    env: { ...Object.fromEntries(inherited), LLAMA_PROBE_CACHE: CACHE, TMPDIR: TEMPORARY, ...env },
    cwd,
    stdio: ['ignore', stdout ?? 'pipe', 'pipe'],
    detached,
  });
  running.add(child);
  child.on('exit', () => running.delete(child));
  return { child, ended: end(child) };
}

async function end(child: ChildProcess): Promise<Ended> {
  const chunks = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      chunks[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...chunks }));
  });
}

/** Runs the command to its end. */
export const probe = (args: readonly string[], options?: Options): Promise<Ended> => start(args, options).ended;

/** How a command is run to its end. */
type Run<O> = (args: readonly string[], options?: O) => Promise<Ended>;

/** Of a way to run commands, the one with `--json`: what a command printed, which must be one object and nothing else. */
export const jsonOf =
  <O>(run: Run<O>) =>
  async <T = Report>(args: readonly string[], options?: O): Promise<Ended & { json: T }> => {
    const ended = await run([...args, '--json'], options);
    const lines = ended.stdout.split('\n');
    if (lines.length !== 2 || lines[1] !== '') {
      throw new Error(`wanted one line on stdout, got ${lines.length - 1}:\n${ended.stdout}\nstderr:\n${ended.stderr}`);
    }
    return { ...ended, json: decode(ended.stdout) as T };
  };

/** Of a way to run commands, the one for a comparison that prints its text: that, and the report. One run where both are looked at. */
export const bothOf =
  <O>(run: Run<O>) =>
  async (args: readonly string[], options?: O): Promise<Ended & { json: Report }> => {
    const [reporter, file] = [path('reporter.mjs'), path('report')];
    writeFileSync(
      reporter,
      `import { serialize } from 'node:v8';
      export default { file: ${JSON.stringify(file)}, report: ([one]) => serialize(one.report) };`,
    );
    const ended = await run([...args, '--reporter', reporter], options);
    if (!existsSync(file)) throw new Error(`no report:\n${ended.stdout}\nstderr:\n${ended.stderr}`);
    return { ...ended, json: deserialize(readFileSync(file)) as Report };
  };

export const probeJson = jsonOf(probe);

/** A command that answers for several tests: it runs when the first of them asks. */
export function once<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}
