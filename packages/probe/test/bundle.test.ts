import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const BUNDLE = new URL('../dist/bundle/', import.meta.url);
const text = readdirSync(BUNDLE)
  .map((name) => readFileSync(new URL(name, BUNDLE), 'utf8'))
  .join('\n');

test('what a module finds beside itself is there from its bundle too', () => {
  const found = [...text.matchAll(/new URL\("([^"]+)", import\.meta\.resolve\("([^"]+)"\)\)/g)];
  expect(found.length).toBeGreaterThan(5);
  for (const [, path = '', name = ''] of found) {
    const module = new URL(path, import.meta.resolve(name));
    expect(existsSync(module), fileURLToPath(module)).toBe(true);
  }
});

test('what another process or a module of the user begins with is in the bundle, in a file of its own', () => {
  const begun = [...text.matchAll(/new URL\("\.\/([^"]+)", import\.meta\.url\)/g)].map(([, name = '']) => name);
  expect(begun.sort()).toEqual(['gate-define.js', 'terminal-child.js']);
  for (const name of begun) expect(existsSync(new URL(name, BUNDLE)), name).toBe(true);
});
