import { readFileSync } from 'node:fs';
import type { Where } from '@llama-probe/diff';
import { expect, test } from 'vitest';
import { problems } from '../src/problems.js';
import { fault, finding, HOSTILE, nothing, sick } from './support/findings.js';

const at = (source: string) => ({ source, text: '' }) as Where;
const lines = (text: string) => text.trimEnd().split('\n');

/** What the documented task makes of a line. */
const docs = readFileSync(new URL('../../../docs/outputs.md', import.meta.url), 'utf8');
const [, json = ''] = /```json\n(\{\n {2}"version"[\s\S]*?)```/.exec(docs) ?? [];
const { regexp, file, line, severity, message } = JSON.parse(json).tasks[0].problemMatcher.pattern;
const seen = (text: string) => {
  const found = new RegExp(regexp).exec(text);
  return found && [found[file], Number(found[line]), found[severity], found[message]];
};

test('a fault stands at its line of code, and at each where it has several', () => {
  const faults = [
    fault({ where: at('src/attention.rs:212') }),
    fault({ stage: 'k_rope', where: at('src/attention.rs:230') }),
    fault({ layer: 1, where: at('src/attention.rs:212') }),
  ];
  const written = lines(problems([sick({ faults })]));
  const said = 'RoPE turns the halves of a head: q_rope, layers 0 to 1; k_rope, layer 0 (model.gguf, 3 tokens)';
  expect(written.map(seen)).toEqual([
    ['src/attention.rs', 212, 'error', `${said}: where to look: The rotation kernel.`],
    ['src/attention.rs', 230, 'error', `${said}: where to look: The rotation kernel.`],
  ]);
  const [whole = ''] = lines(problems([sick({ faults: [fault({ where: at('C:\\mine.cpp') })] })]));
  expect(seen(whole)?.slice(0, 2)).toEqual(['C:\\mine.cpp', 1]);
});

test('without a line of code the tool stands in its place, and no editor goes there', () => {
  for (const [one, level] of [
    [sick(), 'error'],
    [nothing(), 'error'],
    [finding(), 'info'],
  ] as const) {
    const [only = '', ...others] = lines(problems([one]));
    expect([only, others]).toEqual([expect.stringMatching(new RegExp(`^llama-probe: ${level}: `)), []]);
    expect(seen(only)).toBeNull();
  }
});

test('each stays one line, whatever names say', () => {
  const faults = [fault({ stage: HOSTILE, where: at(HOSTILE) })];
  expect(lines(problems([sick({ faults }, { name: HOSTILE })]))).toHaveLength(1);
});
