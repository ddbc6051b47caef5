import { runCli } from './cli.js';
import { COULD_NOT_TELL } from './exit.js';
import { tellUnheard } from './failed.js';
import { verdictOrNothing } from './unfinished.js';

const json = process.argv.includes('--json');
const finished = verdictOrNothing(json);
tellUnheard(json);
let untold = false;
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') return; // as with "| head": the reader has had enough
  process.stderr.write(`probe: the result cannot be written to standard output (${code}).\n`);
  untold = true;
  process.exitCode = COULD_NOT_TELL;
});
process.stderr.on('error', () => {}); // there is nobody left to tell

// Not awaited here: Node would end with a code of its own where it never comes.
void runCli(process.argv.slice(2)).then((code) => {
  finished();
  process.exitCode = untold ? COULD_NOT_TELL : code;
});
