import { writeSync } from 'node:fs';
import { tameMessage } from '@llama-probe/report/tame';

const ENTER = '\x1b[?1049h\x1b[2J\x1b[H\x1b[?25l';
const LEAVE = '\x1b[0m\x1b[?25h\x1b[?1049l';
const STOPPED_BY = 200; // ms: without job control nobody stops this process, and it goes on

/** The terminal's other screen, without a cursor and with every key as it is pressed. Whatever ends the process gives the terminal back. */
export interface Screen {
  /** Back to the screen with the shell's lines on it. It may be called twice. */
  close(): void;
  /** Back to the shell until it is told to go on. */
  suspend(): void;
  /** The listener must not draw while the shell has the terminal, and draws everything again afterwards. */
  listen(listener: SuspendListener): void;
}

export interface SuspendListener {
  suspended(): void;
  resumed(): void;
}

export function openScreen(first: string): Screen {
  const { stdin, stdout } = process;
  let isOpen = true;
  let isSuspended = false;
  let listener: SuspendListener | undefined;
  const enter = () => {
    stdin.setRawMode(true);
    write(stdout.fd, ENTER);
  };
  const leave = () => {
    stdin.setRawMode(false);
    write(stdout.fd, LEAVE);
  };
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    for (const name of ['uncaughtException', 'unhandledRejection'] as const) process.off(name, crash);
    process.off('SIGHUP', hangUp);
    process.off('SIGTSTP', suspend);
    process.off('SIGCONT', resume);
    if (!isSuspended) leave();
  };
  const crash = (error: unknown) => {
    close();
    const { message = String(error), stack } = error as Partial<Error>;
    process.stderr.write(
      `probe: ${tameMessage(message)}\nThis is a bug in llama-probe. LLAMA_PROBE_TRACE=1 shows where it happened.\n`,
    );
    if (process.env.LLAMA_PROBE_TRACE) process.stderr.write(`${stack}\n`);
    process.exit(2);
  };
  const hangUp = () => process.exit(2); // the terminal is gone; the comparing process notices that nobody listens
  const suspend = () => {
    if (!isOpen || isSuspended) return;
    isSuspended = true;
    listener?.suspended();
    leave();
    process.off('SIGTSTP', suspend);
    // Everything that the shell started as this job, such as npx, must stop: the shell waits for each of them.
    process.kill(0, 'SIGTSTP');
    setTimeout(resume, STOPPED_BY);
  };
  const resume = () => {
    if (!isOpen || !isSuspended) return;
    isSuspended = false;
    process.on('SIGTSTP', suspend);
    enter();
    write(stdout.fd, listener ? '' : first);
    listener?.resumed();
  };
  process.on('exit', close);
  for (const name of ['uncaughtException', 'unhandledRejection'] as const) process.on(name, crash);
  process.on('SIGHUP', hangUp);
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', resume);
  // Keys pressed before anybody listens wait in the terminal, and are not echoed.
  enter();
  write(stdout.fd, first);
  return {
    close,
    suspend,
    listen(heard) {
      listener = heard;
    },
  };
}

/** Synchronously: what is still waiting when a process ends is never written. */
function write(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // The terminal is gone.
  }
}
