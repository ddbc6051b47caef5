import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AdapterInfo, AdapterKind } from './info.js';

const KINDS: AdapterKind[] = ['gpu', 'llvmpipe', 'lavapipe', 'swiftshader'];

export interface ListedAdapter {
  kind: AdapterKind;
  found: boolean;
  info?: AdapterInfo;
  reason: string;
  remedy?: string;
}

/**
 * Every kind of adapter: whether this machine has it, or why not and what to do about it.
 *
 * Each is opened in a process of its own, because drivers of one process share their settings, and a broken one takes the process along.
 */
export function listAdapters(): Promise<ListedAdapter[]> {
  return Promise.all(KINDS.map(probe));
}

// The compiled file, whether this module runs from src/ or from dist/.
const CHILD = fileURLToPath(new URL('../../dist/adapter/list-child.js', import.meta.url));

function probe(kind: AdapterKind): Promise<ListedAdapter> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CHILD, kind], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
    let answer = '';
    let errors = '';
    child.stdout.on('data', (chunk) => {
      answer += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('error', (error) =>
      resolve({ kind, found: false, reason: `the probing process could not be started: ${error.message}` }),
    );
    child.on('close', (code, signal) => {
      try {
        resolve(JSON.parse(answer) as ListedAdapter);
      } catch {
        const last = errors.trim().split('\n').at(-1);
        const end = signal ? `was ended by ${signal}` : `ended with status ${code}`;
        resolve({ kind, found: false, reason: `the probing process ${end}${last ? `: ${last}` : ''}` });
      }
    });
  });
}
