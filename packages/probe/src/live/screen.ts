import { writeSync } from 'node:fs';

const ENTER = '\x1b[?1049h\x1b[2J\x1b[H\x1b[?25l';
const LEAVE = '\x1b[0m\x1b[?25h\x1b[?1049l';

/** The terminal's other screen, without a cursor and with every key as it is pressed. Whatever ends the process gives the terminal back. */
export interface Screen {
  /** Back to the screen with the shell's lines on it. It may be called twice. */
  close(): void;
}

export function openScreen(first: string): Screen {
  const { stdin, stdout } = process;
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    for (const name of ['uncaughtException', 'unhandledRejection'] as const) process.off(name, crash);
    process.off('SIGHUP', hangUp);
    stdin.setRawMode(false);
    write(stdout.fd, LEAVE);
  };
  const crash = (error: unknown) => {
    close();
    const { message = String(error), stack } = error as Partial<Error>;
    process.stderr.write(
      `probe: ${message}\nThis is a bug in llama-probe. LLAMA_PROBE_TRACE=1 shows where it happened.\n`,
    );
    if (process.env.LLAMA_PROBE_TRACE) process.stderr.write(`${stack}\n`);
    process.exit(2);
  };
  const hangUp = () => process.exit(2); // the terminal is gone; the comparing process notices that nobody listens
  process.on('exit', close);
  for (const name of ['uncaughtException', 'unhandledRejection'] as const) process.on(name, crash);
  process.on('SIGHUP', hangUp);
  // Keys that come before there is somebody to hear them wait in the terminal, unseen.
  stdin.setRawMode(true);
  write(stdout.fd, ENTER + first);
  return { close };
}

/** At the end of a process only what is written at once is written at all. */
function write(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // The terminal is gone.
  }
}
