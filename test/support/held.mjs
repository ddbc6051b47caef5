// Loaded before everything else (`--import`): the process whose script HELD names stands still until the file that HELD_UNTIL names is there.
import { existsSync } from 'node:fs';

if (process.argv[1]?.endsWith(process.env.HELD)) {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(process.env.HELD_UNTIL)) Atomics.wait(nothing, 0, 0, 20);
}
