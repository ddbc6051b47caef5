import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { brief, environmentOf, filled, nameOf, type Told } from '../src/program/command.js';

/** What would do something if it were ever part of the command. */
const NASTY = `/models/it's "mine" $(echo no) \`echo no\` \${HOME} ; echo no/\\m.gguf`;
const told: Told = {
  model: NASTY,
  tokens: [1, 15043],
  steps: 4,
  stages: ['q_rope', 'kq'],
  layers: [0, 2],
  out: '/tmp/a b/out',
};

/** The words that the shell makes of it. */
const words = (command: string): string[] => {
  const env = { ...process.env, ...environmentOf(told) };
  const script = `printf '%s\\n' ${filled(command)}`;
  return execFileSync('sh', ['-c', script], { env, encoding: 'utf8' }).split('\n').slice(0, -1);
};

describe('placeholders are what they stand for, whichever quotes the user wrote', () => {
  test.each([
    ['bare', '{model}', [NASTY]],
    ['in double quotes', '"{model}"', [NASTY]],
    ['in single quotes', "'{model}'", [NASTY]],
    ['as a part of a word', '--model={model},x', [`--model=${NASTY},x`]],
    ['as a part of quoted words', `"a {model}"'b {model}'`, [`a ${NASTY}b ${NASTY}`]],
    ['behind quotes that were closed', `'it'"'"'s' {model}`, ["it's", NASTY]],
    ['behind a quote that is none', "\\' {out}", ["'", '/tmp/a b/out']],
    ['behind a backslash between single quotes', "'\\' {out}", ['\\', '/tmp/a b/out']],
    ['each of them', '{tokens} {steps} {stages} {layers} {out}', ['1,15043', '4', 'q_rope,kq', '0,2', '/tmp/a b/out']],
  ])('%s', (_, command, wanted) => expect(words(command)).toEqual(wanted));

  test('what is the shell’s stays the shell’s', () => {
    expect(words(`$PROBE_STEPS \${PROBE_STEPS} "\${PROBE_STEPS}" \\{steps} {nothing}`)).toEqual([
      '4',
      '4',
      '4',
      '{steps}',
      '{nothing}',
    ]);
  });

  test('what is not asked for is empty: everything is wanted then', () => {
    expect(environmentOf({ ...told, stages: undefined, layers: undefined })).toMatchObject({
      PROBE_STAGES: '',
      PROBE_LAYERS: '',
    });
  });
});

test('a program is called by its command up to what it is told', () => {
  expect(nameOf('python3 mine.py --model {model}')).toBe('python3 mine.py');
  expect(nameOf('./mine {model} {tokens}')).toBe('./mine');
  expect(nameOf('./mine "{model}"')).toBe('./mine');
  expect(nameOf(' ./mine ')).toBe('./mine');
  expect(brief(`a\n${'b'.repeat(500)}`)).toBe(`a ${'b'.repeat(118)}…`);
});
