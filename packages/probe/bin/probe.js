#!/usr/bin/env node
// What fails before anybody is there to say so, such as a module that cannot be read, is told in a sentence, and never ends with a verdict's code.
const couldNotStart = (error) => {
  process.stderr.write(
    `probe: could not start (${error?.message ?? error}). See that this process may open files (ulimit -n), and install llama-probe anew if that is so.\n`,
  );
  process.exit(2);
};
process.on('uncaughtException', couldNotStart);
import('../dist/bundle/main.js').then(() => process.off('uncaughtException', couldNotStart), couldNotStart);
