import { writeSync } from 'node:fs';
import type { AdapterKind } from './info.js';
import type { ListedAdapter } from './list.js';
import { NoAdapterError, openAdapter } from './open.js';

// Opens the kind of adapter named on the command line, and says on standard output what came of it.
const kind = process.argv[2] as AdapterKind;
let listed: ListedAdapter;
try {
  const opened = await openAdapter({ adapter: kind });
  listed = { kind, found: true, info: opened.info, reason: 'works' };
  opened.close();
} catch (error) {
  const tried = error instanceof NoAdapterError ? error.tried : [];
  listed = {
    kind,
    found: false,
    reason: tried.map(({ backend, reason }) => `${backend}: ${reason}`).join('; ') || (error as Error).message,
    ...(tried[0] && { remedy: tried[0].remedy }),
  };
}
writeSync(1, JSON.stringify(listed));
