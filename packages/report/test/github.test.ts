import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Note } from '@llama-probe/comparison';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { annotations, writeSummary } from '../src/github.js';
import { tame } from '../src/tame.js';
import { fault, finding, HOSTILE, nothing, sick } from './support/findings.js';

/** What GitHub's runner makes of the lines. */
const parse = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, level, title, message] = /^::(error|warning|notice) title=([^:,]*)::(.*)$/.exec(line) ?? [];
      expect(level, line).toBeDefined();
      const plain = (escaped = '') =>
        escaped
          .replaceAll('%0D', '\r')
          .replaceAll('%0A', '\n')
          .replaceAll('%3A', ':')
          .replaceAll('%2C', ',')
          .replaceAll('%25', '%');
      return { level, title: plain(title), message: plain(message) };
    });

const notes = (count: number, level: Note['level']): Note[] =>
  Array.from({ length: count }, (_, i) => ({ level, text: `note ${i}` }));

describe('annotations', () => {
  test('a healthy run is a notice', () => {
    expect(parse(annotations([finding()]))).toEqual([
      { level: 'notice', title: 'llama-probe: model.gguf, 3 tokens', message: 'All 2 stages agree.' },
    ]);
  });

  test('a fault is an error with what is known of it, and one in several layers is one', () => {
    const list = parse(annotations([sick({ faults: [fault({}), fault({ layer: 1, local: 0.75 })] })]));
    expect(list).toHaveLength(1);
    expect(list[0]).toMatchObject({
      level: 'error',
      title: 'RoPE turns the halves of a head: q_rope, layers 0 to 1 (model.gguf, 3 tokens)',
    });
    expect(list[0]?.message).toMatch(
      /^where to look: The rotation kernel\.\nhow sure: confirmed .*\n.*q_rope of the layers 0 to 1 .*local delta up to 7\.5e-1, limit 1e-5$/,
    );
  });

  test('without faults the reason is the error, and what could not be compared is one', () => {
    expect(parse(annotations([sick({ faults: null })]))).toMatchObject([
      { level: 'error', message: expect.stringContaining('first stage that is wrong') },
    ]);
    expect(parse(annotations([nothing()]))).toMatchObject([
      { level: 'error', message: expect.stringContaining('different tokens') },
    ]);
  });

  test('what a gate says of a run counts', () => {
    const at = { step: 0, layer: 0, stage: 'q_rope' };
    const allowed = parse(
      annotations([sick({}, { verdict: 'agree', notes: [{ level: 'warning', text: 'known', at }] })]),
    );
    expect(allowed.map(({ level }) => level)).toEqual(['warning', 'notice']);
    const worse = parse(
      annotations([finding({}, { verdict: 'diverged', notes: [{ level: 'error', text: 'worse', at }] })]),
    );
    expect(worse).toMatchObject([
      { level: 'error', title: 'model.gguf, 3 tokens: q_rope of layer 0', message: 'worse' },
    ]);
  });

  test('what a gate holds against a faulty stage is said once, with the fault', () => {
    const at = { step: 0, layer: 0, stage: 'q_rope' };
    const list = parse(annotations([sick({}, { notes: [{ level: 'error', text: 'allowed until yesterday', at }] })]));
    expect(list).toHaveLength(1);
    expect(list[0]?.message).toMatch(
      /\nq_rope of layer 0 at the steps 0 to 1: local delta 5.0e-1.*\nallowed until yesterday$/s,
    );
  });

  test('there are at most ten of a level, and every sick run is among the first', () => {
    const busy = finding(
      {},
      { name: 'busy', verdict: 'diverged', notes: [...notes(30, 'error'), ...notes(11, 'warning')] },
    );
    const list = parse(annotations([busy, sick({}, { name: 'other' })]));
    const errors = list.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(10);
    expect(errors[1]?.title).toContain('other');
    expect(errors[9]?.message).toContain('22 more');
    expect(list.filter(({ level }) => level === 'warning')).toHaveLength(10);
    expect(parse(annotations([finding({}, { verdict: 'diverged', notes: notes(10, 'error') })]))).toHaveLength(10);
  });

  test('no text ends a command or begins another', () => {
    const text = `${HOSTILE}\n::error::x`;
    const list = parse(annotations([finding({}, { name: text, reason: text, verdict: 'incomparable' })]));
    expect(list).toHaveLength(1);
    const lines = text.split('\n').map((line) => tame(line.replace('\r', '')));
    expect(list[0]?.message.replaceAll('\r', '')).toBe(lines.join('\n'));
  });
});

describe('the job summary', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'llama-probe-summary-'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });
  const said = () => {
    const lines: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
    return lines;
  };

  test('is added to what is there', async () => {
    const file = join(folder, 'summary.md');
    writeFileSync(file, 'before\n');
    vi.stubEnv('GITHUB_STEP_SUMMARY', file);
    await writeSummary([sick()]);
    expect(readFileSync(file, 'utf8')).toMatch(/^before\n## ✗ RoPE turns the halves of a head: q_rope, layer 0\n/);
  });

  test('is left out where it would be too much, or where there is none', async () => {
    const lines = said();
    const file = join(folder, 'summary.md');
    writeFileSync(file, 'x'.repeat(2 ** 20 - 100));
    vi.stubEnv('GITHUB_STEP_SUMMARY', file);
    await writeSummary([sick()]);
    expect(readFileSync(file, 'utf8')).toHaveLength(2 ** 20 - 100);
    vi.stubEnv('GITHUB_STEP_SUMMARY', '');
    vi.stubEnv('GITHUB_ACTIONS', '');
    await writeSummary([sick()]);
    vi.stubEnv('GITHUB_ACTIONS', 'true');
    await writeSummary([sick()]);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('was left out');
    expect(lines[1]).toContain('this is not GitHub Actions');
  });

  test('that cannot be written is an error', async () => {
    vi.stubEnv('GITHUB_STEP_SUMMARY', folder);
    await expect(writeSummary([sick()])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('EISDIR'),
    });
  });
});
