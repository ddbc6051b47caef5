import { runCli } from './cli.js';
import { COULD_NOT_TELL } from './exit.js';

let untold = false;
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') return; // as with "| head": the reader has had enough
  process.stderr.write(`probe: the result cannot be written to standard output (${code}).\n`);
  untold = true;
  process.exitCode = COULD_NOT_TELL;
});
process.stderr.on('error', () => {}); // there is nobody left to tell

const code = await runCli(process.argv.slice(2));
process.exitCode = untold ? COULD_NOT_TELL : code;
