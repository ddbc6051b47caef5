import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { STAGE_NAMES } from '@llama-probe/dump';
import { isLong } from '@llama-probe/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { argumentsOf, commandsOf, readPage } from './support/page-commands.js';
import type { Ended } from './support/probe.js';
import { FIRST, Reader } from './support/reader.js';
import { probeJson } from './support/session.js';

const PAGE = readPage('docs/SKILL.md');
const ELSEWHERE = new Set(commandsOf(readPage('docs/find-a-divergence.md')));
ELSEWHERE.delete('probe diff mine.safetensors reference.arrow --model model.gguf'); // what an agent reads first

/** What each command of the page ends with, and a part of what it prints. */
const COMMANDS: readonly { readonly command: RegExp; readonly code: number; readonly prints: object }[] = [
  { command: /^probe capture .* --out reference\.arrow --json$/, code: 0, prints: { kind: 'capture', tensors: 80 } },
  {
    command: /^probe diff mine\.safetensors reference\.arrow --model model\.gguf --json$/,
    code: 1,
    prints: {
      verdict: 'diverged',
      first: { stage: 'l_out', layer: 0, cause: { id: 'attention-scale-missing', confidence: 'likely' } },
    },
  },
  {
    command: /^probe compare --engine "node mine\.mjs" .* --json$/,
    code: 0,
    prints: { verdict: 'agree', first: null },
  },
  { command: /^probe bugs --only rope-halves --json$/, code: 0, prints: { faults: [{ id: 'rope-halves' }] } },
  { command: /^probe capture .* --out whole\.arrow --json$/, code: 0, prints: { kind: 'capture' } },
  { command: /^probe diff decoded\.safetensors whole\.arrow /, code: 0, prints: { verdict: 'agree', first: null } },
  { command: /^probe check mine\.safetensors /, code: 0, prints: { broken: [] } },
  { command: /^probe weights --model model\.gguf --json$/, code: 0, prints: { kind: 'weights', verdict: 'equal' } },
  { command: /^probe compare --model model\.gguf --prompt Hello --json$/, code: 0, prints: { verdict: 'agree' } },
];

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}
const SCHEMA = JSON.parse(
  readFileSync(fileURLToPath(new URL('../packages/probe/schema/comparison.schema.json', import.meta.url)), 'utf8'),
) as Schema;

/** Whether a schema has a field, by its path; those of a list are those of its items. */
function has(schema: Schema | undefined, path: readonly string[]): boolean {
  if (!schema) return false;
  const { $ref, anyOf = [], items, properties } = schema;
  if ($ref) return has(SCHEMA.$defs?.[$ref.replace('#/$defs/', '')], path);
  const [name, ...rest] = path;
  if (name === undefined) return true;
  return has(properties?.[name], rest) || [items, ...anyOf].some((other) => has(other, path));
}

let reader: Reader;
beforeAll(async () => {
  reader = new Reader();
  await reader.capture();
});

describe('docs/SKILL.md', () => {
  test('has a name and a description, as agents look for them', () => {
    const [, front = '', body = ''] = /^---\n(.*?)\n---\n(.*)$/s.exec(PAGE) ?? [];
    const { name, description, ...others } = parse(front) as Record<string, string>;
    expect(name).toMatch(/^[a-z0-9-]{1,64}$/);
    expect(description?.length).toBeGreaterThan(100);
    expect(description?.length).toBeLessThanOrEqual(1024);
    expect(others).toEqual({});
    expect(body).toMatch(/^\n# /);
  });

  test('names fields that a comparison has', () => {
    const words = [...PAGE.matchAll(/`([a-z][A-Za-z]*(?:\.[a-z][A-Za-z]*)*)`/g)].map(([, word = '']) => word);
    const fields = [...new Set(words)].filter((word) => !OTHERS.has(word));
    expect(fields.length).toBeGreaterThan(20);
    const places = [[], ['first'], ['faults'], ['stages'], ['unseen'], ['causes']];
    const missing = fields.filter((field) => !places.some((place) => has(SCHEMA, [...place, ...field.split('.')])));
    expect(missing).toEqual([]);
  });

  const commands = commandsOf(PAGE).filter((command) => !command.includes('…'));

  test('has these commands', () => {
    expect(commands).toHaveLength(COMMANDS.length);
    for (const [i, command] of commands.entries()) expect(command).toMatch(COMMANDS[i]?.command ?? '');
  });

  /** What came of a command: each is run once. */
  const runs = new Map<string, Promise<Ended & { json: object }>>();
  const run = (command: string) => {
    const args = argumentsOf(command, reader.folder).filter((arg) => arg !== '--json');
    const running = runs.get(command) ?? probeJson<object>(args);
    runs.set(command, running);
    return running;
  };

  const cases = commands.map((command, i) => [command, COMMANDS[i]] as const);
  // Those that docs/find-a-divergence.md has are run with that page; what they print as JSON, in each one's own tests.
  const isOwn = ([command]: readonly [string, ...unknown[]]) => !ELSEWHERE.has(command.replace(' --json', ''));
  test.each(isLong ? cases : cases.filter(isOwn))('%s', async (command, wanted) => {
    const { json, code, stderr } = await run(command);
    expect(json, stderr).toMatchObject(wanted?.prints ?? {});
    expect(code).toBe(wanted?.code);
  });

  test('an agent that reads `between`, `first` and `inherits` as it says finds the bug in two rounds', async () => {
    const compare = async (dump: string) =>
      (await run(`probe diff ${dump} reference.arrow --model model.gguf --json`)).json as Compared;
    const { between } = await compare('mine.safetensors');
    expect(between).toMatchObject({ after: { stage: 'embd' }, layers: [0] });
    const wanted = new Set(between?.stages.map((stage) => `${stage}-${between.layers[0]}`));
    reader.keepOnly('sick.safetensors', 'more.safetensors', (name) => FIRST.test(name) || wanted.has(name));
    const { first, stages: all } = await compare('more.safetensors');
    expect(first).toMatchObject({
      stage: 'kq_soft_max',
      cause: { id: 'attention-scale-missing', confidence: 'confirmed' },
    });
    const after = all.find(({ stage, layer }) => stage === 'kqv_out' && layer === 0);
    expect(after).toMatchObject({ verdict: 'diverged', inherits: { stage: 'kq_soft_max', layer: 0 } });
  });
});

interface Compared {
  between?: { after: object | null; stages: string[]; layers: number[] };
  first: object;
  stages: { stage: string; layer: number | null }[];
}

/** What is code on the page and no field of a comparison: stages, verdicts, other objects' fields. */
const OTHERS = new Set([...STAGE_NAMES, 'agree', 'diverged', 'incomparable', 'confirmed', 'likely', 'broken']);
