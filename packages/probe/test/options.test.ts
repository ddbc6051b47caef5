import { OUTPUTS } from '@llama-probe/report/outputs';
import { expect, test } from 'vitest';
import { buildProgram } from '../src/cli/program.js';
import { describeProgram } from '../src/cli/spec.js';
import { StderrProgress } from '../src/progress.js';

const program = buildProgram({
  progress: new StderrProgress(),
  signal: new AbortController().signal,
  code: 0,
  print() {},
});
const { commands } = describeProgram(program);

test.each(['compare', 'diff', 'gate', 'merge'])('%s has an option for every output, and one for yours', (name) => {
  const options = commands.find((one) => one.name === name)?.groups.flatMap((group) => group.options) ?? [];
  const flags = new Map(options.map(({ flags, description }) => [flags, description]));
  for (const { flag, what } of Object.values(OUTPUTS)) expect(flags.get(flag)).toBe(what);
  expect(flags.has('--reporter <file>')).toBe(true);
});

test('every command takes --no-tui, which a script gives to all alike', () => {
  const refusing = program.commands.filter(({ options }) => !options.some(({ long }) => long === '--no-tui'));
  expect(refusing.map((command) => command.name())).toEqual([]);
});

test('an option that is not shown makes no heading', () => {
  for (const { groups } of commands) for (const { options } of groups) expect(options).not.toEqual([]);
});
