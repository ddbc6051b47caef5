import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CACHE, isInherited, TEMPORARY } from './probe.js';

/** Whether there is a terminal to test in. */
export const hasTmux = spawnSync('tmux', ['-V']).status === 0;
if (!hasTmux) console.warn('tmux is not installed: the tests of the terminal view are skipped');

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const PROMPT = '% ';
const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const open = new Set<Terminal>();
/** Ends what a test has left open. */
export function closeTerminals(): void {
  for (const terminal of open) terminal.close();
}

let opened = 0;

/** A word as tmux reads it. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'"'"'`)}'`;

/**
 * A shell in a terminal of its own. Settings and colours of whoever runs the tests do not reach it. One process of tmux takes all that is asked
 * (its control mode), and tells when there is something new to be seen.
 */
export class Terminal {
  private readonly socket = `llama-probe-${process.pid}-${++opened}`;
  private readonly env: Record<string, string>;
  private readonly control: ChildProcessWithoutNullStreams;
  /** Those who wait for an answer, in the order in which they have asked. */
  private readonly waiting: ((answer: string) => void)[] = [];
  private news = 0;
  private wake = () => {};

  constructor({ columns, rows }: Size, env: Readonly<Record<string, string>> = {}) {
    const inherited = Object.entries(process.env).filter(
      ([name]) => isInherited(name) && !/^(COLORTERM|VITEST|TMUX|CI$|CI_|CONTINUOUS_)/.test(name),
    );
    const own = { LLAMA_PROBE_CACHE: CACHE, TMPDIR: TEMPORARY, LANG: 'C.UTF-8', TMUX_TMPDIR: TEMPORARY };
    const shell = `exec env PS1='${PROMPT}' bash --norc --noprofile -i`; // a shell that starts another one drops its prompt
    this.env = { ...Object.fromEntries(inherited), ...own, ...env };
    const server = ['-u', '-L', this.socket, '-f', '/dev/null'];
    const settings = 'start-server ; set -g default-terminal screen-256color ; set -g escape-time 0 ; new-session -d';
    const size = ['-x', `${columns}`, '-y', `${rows}`];
    execFileSync('tmux', [...server, ...settings.split(' '), ...size, shell], { env: this.env, stdio: 'pipe' });
    open.add(this);
    this.control = spawn('tmux', [...server, '-C', 'attach-session'], { env: this.env });
    this.control.stdin.on('error', () => {}); // what is asked of a terminal that is gone is never answered
    this.listen();
  }

  /** Answers stand between `%begin` and `%end`; whatever else is said is news of what the terminal shows. */
  private listen(): void {
    let answer: string[] | undefined;
    createInterface(this.control.stdout).on('line', (line) => {
      // The last number is 1 where somebody has asked: to attach is answered too.
      const [, mark, asked] = /^%(begin|end|error) \d+ \d+ (\d)$/.exec(line) ?? [];
      if (mark === 'begin') answer = [];
      else if (mark) {
        if (asked === '1') this.waiting.shift()?.((answer ?? []).join('\n'));
        answer = undefined;
      } else if (answer) answer.push(line);
      else {
        this.news++;
        this.wake();
      }
    });
    this.control.on('close', () => {
      for (const answer of this.waiting.splice(0)) answer(''); // the server is gone
    });
  }

  private tmux(...words: string[]): Promise<string> {
    this.control.stdin.write(`${words.map(quoted).join(' ')}\n`);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Presses keys: characters, or tmux's names, such as `Enter`, `C-c`, `Down`. */
  press(...keys: string[]): void {
    void this.tmux('send-keys', '--', ...keys);
  }

  /** Types a line for the shell. */
  run(line: string): void {
    void this.tmux('send-keys', '-l', '--', line);
    this.press('Enter');
  }

  /** Starts the command as a user does. @param args as the shell reads them */
  probe(args: string): void {
    this.run(`${process.execPath} ${REPOSITORY}packages/probe/bin/probe.js ${args}`);
  }

  /** What is on the screen; with its colours, if they are wanted. */
  async screen({ colors = false } = {}): Promise<string> {
    return (await this.tmux('capture-pane', '-p', ...(colors ? ['-e'] : []))).trimEnd();
  }

  /** Everything that has scrolled by, and the screen. */
  async history(): Promise<string> {
    return (await this.tmux('capture-pane', '-p', '-S', '-')).trimEnd();
  }

  /** A variable of tmux. @example (await ask('alternate_on')) === '0' */
  async ask(format: string): Promise<string> {
    return (await this.tmux('display-message', '-p', `#{${format}}`)).trim();
  }

  resize({ columns, rows }: Size): void {
    void this.tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Waits until the screen is as wanted; a busy machine takes its time. @throws what the screen showed instead */
  async until(what: string, condition: (screen: string) => boolean, ms = 100_000): Promise<string> {
    const begin = Date.now();
    for (;;) {
      const { news } = this;
      const screen = await this.screen();
      if (condition(screen)) return screen;
      if (Date.now() - begin > ms) throw new Error(`waited in vain for ${what}; the screen shows:\n${screen}`);
      if (news === this.news) await this.next();
      await new Promise((resolve) => setTimeout(resolve, 20)); // a picture comes in several parts
    }
  }

  /** Waits for what has not been seen; not for ever: somebody may wait for nothing to change. */
  private next(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 1000);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Waits until a text is on the screen. */
  sees(text: string | RegExp, ms?: number): Promise<string> {
    const found = (screen: string) => (typeof text === 'string' ? screen.includes(text) : text.test(screen));
    return this.until(String(text), found, ms);
  }

  /** Waits for the shell, and asks it for something. @returns what it answered */
  async shell(line: string): Promise<string> {
    const mark = `end-${++asked}`;
    this.run(`clear; ${line}; echo ${mark}-$?`);
    const screen = await this.sees(new RegExp(`^${mark}-\\d+$`, 'm'));
    return screen
      .split('\n')
      .filter((text) => !text.startsWith(PROMPT.trim()) && !text.startsWith(mark))
      .join('\n');
  }

  /** Waits until the command has ended. @returns its exit code */
  async exitCode(): Promise<number> {
    await this.until('the shell', (screen) => (screen.split('\n').at(-1) ?? '') === PROMPT.trim());
    this.run('echo code=$?');
    const screen = await this.sees(/^code=\d+$/m);
    return Number(/^code=(\d+)$/m.exec(screen)?.[1]);
  }

  close(): void {
    open.delete(this);
    spawnSync('tmux', ['-L', this.socket, 'kill-server'], { env: this.env, stdio: 'ignore' });
  }
}

let asked = 0;
