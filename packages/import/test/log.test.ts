import { readFileSync } from 'node:fs';
import type { RecordedRun, Tensor } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import { openRun } from '../src/index.js';
import { NodeReader } from '../src/log/printed.js';
import { failure, fileOf, fixture } from './support/files.js';

const LOG = readFileSync(fixture('llama-debug.log'), 'utf8');
const TOKENS = [1, 468, 300, 27, 5, 900, 12];

const read = async (tensors: AsyncIterable<Tensor>) => {
  const all = new Map<string, Tensor>();
  for await (const tensor of tensors) all.set(`${tensor.layer ?? '-'}/${tensor.stage}`, tensor);
  return all;
};

const open = (text: string, tokens: readonly number[] = TOKENS) =>
  openRun(fileOf(text, '.log'), { tokens, excerpts: true });

/** A node of one row with these texts in it. */
const node = (name: string, from: string, ne: string, rows: readonly string[], sum = '0.000000') =>
  [
    `ggml_debug: ${name} = (f32) ${from} = {${ne}}`,
    '     [',
    '      [',
    ...rows.map((row) => (row === '...' ? '       ..., ' : `       [ ${row} ],`)),
    '      ],',
    '     ]',
    `     sum = ${sum}`,
    '',
  ].join('\n');

const embd = (ne: string, rows: readonly string[], sum?: string) =>
  node('embd', 'GET_ROWS(token_embd.weight{8, 9, 1, 1}, inp_tokens{2, 1, 1, 1}})', ne, rows, sum);

/** A whole run of one stage beside which a log is put. */
const runOf = (...tensors: Partial<Tensor>[]): RecordedRun => ({
  path: 'whole.arrow',
  bytes: 0,
  metadata: { producer: { name: 'whole', version: '' }, tokens: [5, 6] },
  notes: [],
  async *tensors() {
    for (const tensor of tensors) {
      const about = { step: 0, order: 0, layer: null, stage: 'embd', positions: Int32Array.of(0, 1) };
      yield { ...about, width: 8, values: new Float32Array(16), ...tensor };
    }
  },
  close: async () => {},
});

describe("llama.cpp's log", () => {
  test('has the stages of its nodes under the names of captures', async () => {
    const run = await open(LOG);
    const tensors = await read(run.tensors());
    const layer = ['attn_rms', 'attn_norm', 'q_proj', 'q_rope', 'v_proj', 'k_proj', 'k_rope', 'kq', 'kq_soft_max'];
    const rest = ['kqv', 'kqv_out', 'attn_out', 'ffn_inp', 'ffn_rms', 'ffn_norm', 'ffn_gate', 'ffn_up', 'ffn_swiglu'];
    expect([...tensors.keys()].filter((key) => key.startsWith('0/'))).toEqual(
      [...layer, ...rest, 'ffn_out', 'l_out'].map((stage) => `0/${stage}`),
    );
    expect(tensors.get('0/q_rope')).toMatchObject({ positions: Int32Array.of(0, 1, 2, 4, 5, 6), width: 36 });
    expect(tensors.get('-/result_output')).toMatchObject({ positions: Int32Array.of(6), width: 6 });
    expect(run.notes[0]).toBe("format: llama.cpp's log");
  });

  test('is no run to whoever wants one', async () => {
    const error = await failure(fileOf(LOG));
    expect(error).toMatchObject({ code: 'dump-unsupported', message: expect.stringContaining('probe diff') });
  });

  test('has its own token ids, which llama-debug prints, unless a piece looks like one', async () => {
    const ids = 'Token ids (3):\n<s>(1) Hel\nlo(46) you(30) \n';
    const nodes = embd('8, 3, 1, 1', ['1.0, 1.0, 1.0, ..., 1.0, 1.0, 1.0', '...']);
    expect((await open(nodes + ids, [])).metadata.tokens).toEqual([1, 46, 30]);
    expect((await open(nodes + ids.replace('you', 'y(2) '), [])).metadata.tokens).toEqual([]);
  });

  test('colours and other lines do not matter', async () => {
    const text = embd('2, 1, 1, 1', ['1.5000, -2.2500'])
      .split('\n')
      .map((line) => `\x1b[32m${line}\x1b[0m\nsome other line ]\n`)
      .join('');
    const tensors = await read((await open(text, [])).tensors());
    expect([...(tensors.get('-/embd')?.values ?? [])]).toEqual([1.5, -2.25]);
  });

  test('a pass before the one that was asked for is left out', async () => {
    const text = embd('1, 2, 1, 1', ['7.0', '7.0']) + embd('1, 3, 1, 1', ['1.0', '2.0', '3.0']);
    const run = await open(text, [1, 2, 3]);
    expect(run.notes).toContain('left out: a pass before the last one, such as a warm-up');
    expect([...((await read(run.tensors())).get('-/embd')?.values ?? [])]).toEqual([1, 2, 3]);
    const both = await read((await open(text, [1, 2, 3, 4, 5])).tensors());
    expect(both.get('-/embd')?.positions).toEqual(Int32Array.of(2, 3, 4));
  });
});

describe('beside another run', () => {
  const ROW = '0.0000, 0.1000, 0.2000, ..., 0.5000, 0.6000, 0.7000';
  const values = Float32Array.from({ length: 16 }, (_, i) => (i % 8) / 10);
  const sum = values.reduce((a, b) => a + b, 0).toFixed(6);
  const beside = async (log: string, ...tensors: Partial<Tensor>[]) => {
    const run = await openRun(fileOf(log, '.log'), { tokens: [5, 6], excerpts: true });
    const both = run.excerpt?.beside(runOf(...tensors));
    if (!both) throw new Error('it is no excerpt');
    return { ours: await read(both.ours.tensors()), theirs: await read(both.theirs.tensors()) };
  };
  /** What printed values that are off by so much make of a stage. */
  const delta = ({ ours, theirs }: Awaited<ReturnType<typeof beside>>, key: string) => {
    const [a, b] = [ours.get(key)?.values ?? [], theirs.get(key)?.values ?? []];
    expect(a).toHaveLength(b.length);
    return Math.max(...[...a].map((value, i) => Math.abs(value - (b[i] as number))));
  };

  test('only the printed values are compared, in their own columns', async () => {
    const both = await beside(embd('8, 2, 1, 1', [ROW, ROW], sum), { values });
    expect(both.theirs.get('-/embd')?.columns).toEqual(Int32Array.of(0, 1, 2, 5, 6, 7, 8));
    expect(delta(both, '-/embd')).toBe(0);
    expect(delta(both, '-/sum of embd')).toBe(0);
    // The length of a row is that of as many values as it has, had they all been printed.
    const row = both.theirs.get('-/embd')?.values.subarray(0, 7) ?? new Float32Array();
    const squares = (of: Float32Array) => of.reduce((total, value) => total + value * value, 0);
    expect(squares(row)).toBeCloseTo(
      Math.max(squares(row.subarray(0, 6)), (6 / 8) * squares(values.subarray(0, 8))),
      5,
    );
  });

  test('what is printed alike is the same, and a digit more is not', async () => {
    const near = values.map((value) => value + 4e-5);
    const far = values.map((value) => value + 2e-4);
    const log = embd('8, 2, 1, 1', [ROW, ROW], sum);
    expect(delta(await beside(log, { values: near }), '-/embd')).toBe(0);
    expect(delta(await beside(log, { values: far }), '-/embd')).toBeCloseTo(1.5e-4, 6);
  });

  test('the sum tells what no printed value does', async () => {
    const wrong = values.slice();
    wrong[3] = 5; // a column that is not printed
    const both = await beside(embd('8, 2, 1, 1', [ROW, ROW], sum), { values: wrong });
    expect(delta(both, '-/embd')).toBeLessThan(1e-6);
    expect(delta(both, '-/sum of embd')).toBeCloseTo((5 - 0.3) / 4, 4);
    // By Cauchy and Schwarz, no more than the stage itself is off by.
    expect(delta(both, '-/sum of embd')).toBeLessThan(5 - 0.3);
  });

  test('what the mask of the other run hides is hidden', async () => {
    const kq = (value: string) =>
      node('kq-0', 'MUL_MAT(k{4, 4, 1, 1}, q{4, 2, 1, 1}})', '4, 2, 1, 1', [
        `1.0, ${value}, 9.0, 9.0`,
        '1.0, 2.0, 9.0, 9.0',
      ]);
    const about = { stage: 'kq', layer: 0, width: 2, values: Float32Array.of(1, Number.NaN, 1, 2) };
    const { ours } = await beside(embd('1, 2, 1, 1', ['0.0', '0.0']) + kq('7.5'), { ...about });
    expect([...(ours.get('0/kq')?.values ?? [])]).toEqual([1, Number.NaN, 1, 2]);
  });

  test('what only one of them has comes as it is', async () => {
    const { ours, theirs } = await beside(embd('1, 2, 1, 1', ['0.0', '0.0']), { stage: 'l_out', layer: 0, values });
    expect(ours.has('-/embd')).toBe(true);
    expect(theirs.get('0/l_out')?.values).toEqual(values);
  });

  test('rows of another width are another model', async () => {
    const made = beside(embd('8, 2, 1, 1', [ROW, ROW]), { width: 4, values: new Float32Array(8) });
    await expect(made).rejects.toMatchObject({ code: 'dump-shape', message: expect.stringContaining('another model') });
  });
});

describe('a log that does not fit together', () => {
  test.each([
    ['too few values', embd('2, 1, 1, 1', ['1.0']), /has 1 values in row 0/],
    ['more values than it may leave out', embd('3, 1, 1, 1', ['1.0, 1.0, ..., 1.0']), /more than 3 values/],
    ['two gaps', embd('9, 1, 1, 1', ['1.0, ..., 1.0, ..., 1.0']), /more than/],
    ['too many rows', embd('1, 2, 1, 1', ['1.0', '1.0', '1.0']), /in row 2/],
    ['passes over more tokens than there can be', embd('1, 999999999999, 1, 1', ['1.0']), /tokens/],
    ['nodes that are no stages', node('x (view)', 'VIEW(y{1, 1, 1, 1}, })', '1, 1, 1, 1', ['1.0']), /none of which/],
  ])('with %s is refused', async (_, text, what) => {
    const { code, message } = await openRun(fileOf(text), { excerpts: true }).then(
      () => ({ code: undefined, message: 'it was read' }),
      (error) => error,
    );
    expect(code).toMatch(/^dump-/);
    expect(message).toMatch(what);
  });

  test('another number of tokens is asked for', async () => {
    await expect(open(LOG, [1, 2, 3])).rejects.toMatchObject({ code: 'dump-tokens' });
  });

  test('of a dimension of any size no memory is taken', () => {
    const reader = new NodeReader('x.log');
    reader.add('ggml_debug: a = (f32) ADD(b{1, 1, 1, 1}, }) = {999999999999, 1, 1, 1}');
    for (const line of ['[', '[', '[ 1.0, ..., 2.0 ],', '],', ']']) reader.add(line);
    expect(reader.end()?.at).toEqual([
      [0, 0, 0],
      [999999999998, 0, 0],
    ]);
  });
});
