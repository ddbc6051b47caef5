import type { Tensor } from '@llama-probe/dump';
import { stream } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { entropyOf } from '../src/observations/attention.js';
import { type ObservationKind, Observer, observe, type SideObservations } from '../src/observations.js';
import { tensor } from './support/tensors.js';
import { bf16, type Fault, f16, HEADS, LAYERS, next, TOKENS, tinyModel, tinyRun } from './support/tiny-run.js';

function side(tensors: readonly Tensor[], heads: number | undefined = HEADS): SideObservations {
  const observer = new Observer({ heads });
  for (const one of tensors) observer.add(one);
  return observer.result();
}
const seen = (candidate: readonly Tensor[], reference: readonly Tensor[], heads?: number) =>
  observe(side(candidate, heads), side(reference, heads), 'llama.cpp');
/** The observation of a kind, of which there is to be one. */
function one(kind: ObservationKind, candidate: readonly Tensor[], reference: readonly Tensor[], heads?: number) {
  const found = seen(candidate, reference, heads).filter((observation) => observation.kind === kind);
  expect(found).toHaveLength(1);
  return found[0];
}
const kinds = (candidate: readonly Tensor[], reference: readonly Tensor[]) =>
  seen(candidate, reference).map(({ kind }) => kind);

const noise = (count: number) => Array.from({ length: count }, () => next() * 2 - 1);
/** Rows that are as others are. */
const rows = (stage: string, count: number, at: Partial<Tensor> & { first?: number } = {}) =>
  tensor(stage, noise(count * 8), { width: 8, ...at });
const withRow = (one: Tensor, row: number, change: (value: number) => number): Tensor => ({
  ...one,
  values: one.values.map((value, i) => (Math.floor(i / one.width) === row ? change(value) : value)),
});
const logits = (values: readonly number[], width: number, at: Partial<Tensor> & { first?: number } = {}) =>
  tensor('result_output', values, { layer: null, width, ...at });

describe('a healthy run', () => {
  const passes = [
    { step: 0, tokens: 4 },
    { step: 1, tokens: 1 },
    { step: 2, tokens: 1 },
  ];
  test.each([
    ['f32', Math.fround],
    ['f16', f16],
    ['bf16', bf16],
  ])('kept as %s has nothing that differs', (_, round) => {
    for (let run = 0; run < 20; run++) {
      const model = tinyModel();
      for (const how of [{}, { passes }]) {
        const found = seen(tinyRun({ model, round, ...how }), tinyRun({ model, order: 'llama', ...how }));
        expect(found.filter(({ differs }) => differs)).toEqual([]);
      }
    }
  });

  test('has nothing that differs where the sides are cut into other pieces', () => {
    const model = tinyModel();
    const chunks = tinyRun({ model, passes: [2, 2, 2].map((tokens) => ({ step: 0, tokens })) });
    const found = seen(chunks, tinyRun({ model }));
    expect(found.filter(({ differs }) => differs)).toEqual([]);
  });

  test('keeps no values, and passes every tensor on', async () => {
    const run = tinyRun();
    const observer = new Observer({ heads: HEADS });
    let count = 0;
    for await (const one of observer.pass(stream(run))) expect(one).toBe(run[count++]);
    expect(count).toBe(run.length);
    const { rows, attention, logits } = observer.result();
    const buffers = new Set(run.map(({ values }) => values.buffer));
    const kept = [...rows.values(), ...attention.values(), ...logits].flatMap((one) => Object.values(one));
    expect(kept.filter((value) => ArrayBuffer.isView(value) || buffers.has(value))).toEqual([]);
    expect(rows.size).toBe(4 + LAYERS * 19);
    expect(logits).toHaveLength(TOKENS.length);
    expect(observe(observer.result(), observer.result(), 'llama.cpp').every(({ differs }) => !differs)).toBe(true);
  });

  test('that is empty, or compared with nothing, is no error', () => {
    expect(seen([], [])).toEqual([]);
    expect(seen([], tinyRun())).toEqual([]);
    expect(seen(tinyRun(), []).filter(({ differs }) => differs)).toEqual([]);
  });
});

describe('attention', () => {
  test('entropy by hand', () => {
    expect(entropyOf(Float32Array.of(0.5, 0.5, 0, 1, 0, 0), 2, 2)).toBeCloseTo(Math.LN2 / 2, 6);
    expect(entropyOf(Float32Array.of(0.25, 0.25, 0.25, 0.25), 1, 4)).toBeCloseTo(Math.log(4), 6);
    expect(entropyOf(Float32Array.of(0.5, 0.5, 0.5, 0.5), 1, 4)).toBeCloseTo(Math.log(4), 6);
    expect(entropyOf(Float32Array.of(-0.5, 1.5), 1, 2)).toBeNaN();
    expect(entropyOf(Float32Array.of(0, 0), 1, 2)).toBeNaN();
  });

  /** One row at position 17. */
  const uniform = (layer = 3) => tensor('kq_soft_max', Array(18).fill(1 / 18), { layer, first: 17 });
  const peaked = (layer = 3, top = 0.73) =>
    tensor('kq_soft_max', [top, ...Array(17).fill((1 - top) / 17)], { layer, first: 17 });

  test('that is nearly uniform, where it is not in the reference', () => {
    const found = one('uniform-attention', [uniform()], [peaked()], 1);
    expect(found).toMatchObject({ differs: true, step: 0, layer: 3, stage: 'kq_soft_max' });
    expect(found?.candidate).toBeCloseTo(Math.log(18), 5);
    expect(found?.scale).toBeCloseTo(Math.log(18), 5);
    expect(found?.text).toBe(
      'kq_soft_max of layer 3: softmax entropy 2.89 of 2.89 nats, nearly uniform; llama.cpp has 1.35.',
    );
  });

  test('that is so in the reference as well', () => {
    const found = one('uniform-attention', [uniform()], [uniform()], 1);
    expect(found?.differs).toBe(false);
    expect(found?.text).toMatch(/nearly uniform; as llama\.cpp has it \(2\.89\)\.$/);
  });

  test('that is sharper or flatter', () => {
    expect(one('attention-entropy', [peaked(3, 0.95)], [peaked()], 1)).toMatchObject({ differs: true });
    expect(one('attention-entropy', [peaked(3, 0.95)], [peaked()], 1)?.text).toContain('sharper; llama.cpp has 1.35');
    expect(one('attention-entropy', [peaked(3, 0.5)], [peaked()], 1)?.text).toContain('flatter; llama.cpp has 1.35');
    expect(seen([peaked(3, 0.74)], [peaked()], 1)).toEqual([]);
  });

  test('in several layers is one observation, of the first', () => {
    const layers = [0, 1, 2, 3].map((layer) => ({ ...uniform(layer), order: layer }));
    const others = [0, 1, 2, 3].map((layer) => ({ ...(layer === 0 ? uniform : peaked)(layer), order: layer }));
    const found = seen([...layers].reverse(), others, 1);
    expect(found.map(({ layer, differs }) => [layer, differs])).toEqual([
      [1, true],
      [0, false],
    ]);
    expect(found[0]?.text).toMatch(/ 2 other places are like it\.$/);
  });

  test('of few positions, of no heads, or with what is no number, says nothing', () => {
    expect(seen([tensor('kq_soft_max', Array(3).fill(1 / 3), { first: 2 })], [], 1)).toEqual([]);
    expect(seen([tensor('kq_soft_max', Array(18).fill(Number.NaN), { first: 17 })], [], 1)).toEqual([]);
    expect(seen([uniform()], [peaked()], 7)).toHaveLength(1); // the heads are found from the sum
  });

  test('what the mask hides is not counted', () => {
    const padded = tensor('kq_soft_max', [...Array(18).fill(1 / 18), ...Array(14).fill(0)], { layer: 3, first: 17 });
    expect(one('uniform-attention', [padded], [peaked()], 1)).toMatchObject({ differs: true });
  });

  test('of a long prompt every 16th token is looked at', () => {
    const all = Array.from({ length: 128 }, (_, token) =>
      tensor('kq_soft_max', Array(128).fill(1 / 128), { first: token }),
    );
    const [layer] = [...side(all, 1).attention.values()];
    expect(layer?.rows.size).toBe(61 + 4);
  });
});

describe('growth', () => {
  const layers = (sizes: readonly number[], at: Partial<Tensor> & { first?: number } = {}) =>
    sizes.map((size, layer) =>
      tensor('l_out', [size, -size, 2 * size, -2 * size], { width: 2, layer, order: layer, ...at }),
    );

  test('beside what the reference has, at the layer that is most apart', () => {
    const found = one('rms-growth', layers([1, 1.5, 40, 60]), layers([1, 1.5, 2, 3]));
    expect(found).toMatchObject({ differs: true, layer: 2, stage: 'l_out' });
    expect(found?.candidate).toBeCloseTo(60);
    expect(found?.reference).toBeCloseTo(3);
    expect(found?.text).toMatch(
      /becomes 60 times as large from layer 0 to 3, and 26\.7 times at layer 2; llama\.cpp has 3 and 1\.33\.$/,
    );
  });

  test('at the layer that is most apart, which need not be the steepest', () => {
    const found = one('rms-growth', layers([1, 20, 40]), layers([1, 20, 10]));
    expect(found).toMatchObject({ differs: true, layer: 2 });
  });

  test('that is steep in the reference as well', () => {
    const found = one('rms-growth', layers([1, 30, 40]), layers([1, 30.1, 40]));
    expect(found).toMatchObject({ differs: false, layer: 1 });
    expect(found?.text).toMatch(/as llama\.cpp has it \(40 and 30\.1\)\.$/);
  });

  test('that is moderate, or less than the reference has', () => {
    expect(seen(layers([1, 2, 3]), layers([1, 2.1, 3.1]))).toEqual([]);
    expect(one('rms-growth', layers([1, 1.1, 1.2]), layers([1, 3, 9]))).toMatchObject({ differs: true });
    expect(one('rms-growth', layers([1, 30, 40]), [])).toMatchObject({ differs: false, reference: null });
    const elsewhere = layers([1, 2, 3], { first: 9 } as Partial<Tensor>);
    expect(one('rms-growth', layers([1, 30, 40]), elsewhere)).toMatchObject({ differs: false, reference: null });
  });

  test('is of a typical row: one large row, as Llama models have it, does not hide the others', () => {
    const big = (sizes: readonly number[]) => layers(sizes).map((one) => withRow(one, 0, (value) => value * 500));
    expect(
      one(
        'rms-growth',
        big([1, 4, 8]),
        big([1, 4, 8]).map((l) => withRow(l, 1, (v) => v / 4 ** l.order)),
      ),
    ).toMatchObject({
      differs: true,
    });
  });

  test('of a last layer with the last row alone is that of this row on both sides', () => {
    const whole = layers([1, 2, 3]);
    const cut = [...whole.slice(0, 2), tensor('l_out', [6, -6], { width: 2, layer: 2, order: 2, first: 1 })];
    expect(seen(whole, cut)).toEqual([]);
  });

  test('at a decode step', () => {
    const at = (step: number, sizes: readonly number[]) => layers(sizes, { step, first: 2 * step } as Partial<Tensor>);
    const found = one('rms-growth', [...layers([1, 2]), ...at(1, [1, 9])], [...layers([1, 2]), ...at(1, [1, 2])]);
    expect(found).toMatchObject({ differs: true, step: 1, layer: 1 });
    expect(found?.text).toMatch(/^l_out at step 1: /);
  });
});

describe('rows', () => {
  const healthy = rows('ffn_out', 12);

  test('that are dead', () => {
    const found = one('dead-rows', [withRow(healthy, 4, () => 0)], [healthy]);
    expect(found).toMatchObject({ differs: true, layer: 0, stage: 'ffn_out', candidate: 1, reference: 0, scale: 12 });
    expect(found?.text).toBe('ffn_out of layer 0: the row of token 4 is all but zero; llama.cpp has none.');
    const two = withRow(
      withRow(healthy, 4, (value) => value * 1e-8),
      9,
      () => 0,
    );
    expect(one('dead-rows', [two], [healthy])?.text).toMatch(/2 of 12 rows are all but zero, the first at token 4;/);
  });

  test('that are all dead, such as the logits of an empty head', () => {
    const zero = logits(Array(24).fill(0), 8);
    const found = seen([zero], [logits(noise(24), 8)]);
    expect(found.map(({ kind }) => kind)).toEqual(['dead-rows']); // and not that each repeats the other
    expect(found[0]?.text).toBe('result_output: all 3 rows are all but zero; llama.cpp has none.');
  });

  test('that are dead in the reference as well', () => {
    const dead = withRow(healthy, 4, () => 0);
    expect(one('dead-rows', [dead], [dead])).toMatchObject({ differs: false, candidate: 1, reference: 1 });
    expect(one('dead-rows', [dead], [dead])?.text).toMatch(/; as llama\.cpp has it\.$/);
    expect(one('dead-rows', [dead], [])?.text).toMatch(/; llama\.cpp has nothing to compare it with\.$/);
  });

  test('that are only just so on one side', () => {
    const size = Math.sqrt(healthy.values.reduce((sum, value) => sum + value * value, 0) / healthy.values.length);
    const small = (by: number) => withRow(healthy, 4, () => size * by);
    const found = seen([small(0.9e-6 * 0.8)], [small(1.2e-6)]).filter(({ kind }) => kind === 'dead-rows');
    expect(found.every(({ differs }) => !differs)).toBe(true);
  });

  test('that explode', () => {
    const found = one('exploding-rows', [withRow(healthy, 7, (value) => value * 1e5)], [healthy]);
    expect(found).toMatchObject({ differs: true, candidate: 1, reference: 0 });
    expect(found?.text).toMatch(/the row of token 7 is more than 1000 times a typical row; llama\.cpp has none\.$/);
    const wild = withRow(healthy, 0, (value) => value * 1e5);
    expect(one('exploding-rows', [wild], [wild])).toMatchObject({ differs: false });
    const wilder = withRow(wild, 0, (value) => value * 10);
    expect(one('exploding-rows', [wilder], [wild])).toMatchObject({ differs: false });
    expect(kinds([withRow(healthy, 7, (value) => value * 50)], [healthy])).toEqual([]);
  });

  test('that explode at a decode step are seen beside those of the prompt', () => {
    const decoded = rows('ffn_out', 1, { step: 3, first: 14 });
    const found = one('exploding-rows', [healthy, withRow(decoded, 0, (value) => value * 1e5)], [healthy, decoded]);
    expect(found).toMatchObject({ step: 3, differs: true });
    expect(found?.text).toMatch(/^ffn_out of layer 0 at step 3: the row of token 14 /);
  });

  test('that are one value all over', () => {
    expect(one('constant-rows', [withRow(healthy, 2, () => 0.5)], [healthy])).toMatchObject({
      differs: true,
      candidate: 1,
    });
    expect(kinds([tensor('kq_soft_max', [1, 1, 1, 1])], [tensor('kq_soft_max', [1, 1, 1, 1])])).toEqual([]);
    expect(kinds([tensor('ffn_moe_weights_sum', [1, 1], { width: 1 })], [])).toEqual([]);
    expect(kinds([tensor('ffn_moe_topk', [0, 0, 0, 0], { width: 2 })], [])).toEqual([]);
  });

  test('with what is no number are left to the check of that', () => {
    expect(kinds([withRow(healthy, 4, () => Number.NaN)], [healthy])).toEqual([]);
    expect(kinds([withRow(healthy, 4, () => Number.POSITIVE_INFINITY)], [healthy])).toEqual([]);
    const masked = tensor('kq', [0.3, Number.NaN, 0.2, 0.1], { width: 2 });
    expect(side([masked]).rows.get('0/kq')?.rms[0]).toBeCloseTo(0.3);
  });

  test('in many stages are one observation, of the first stage', () => {
    const stages = ['ffn_norm', 'ffn_gate', 'ffn_out'].map((stage, order) => rows(stage, 6, { order }));
    const sick = stages.map((one) => withRow(one, 1, () => 0));
    const found = one('dead-rows', [...sick].reverse(), stages);
    expect(found).toMatchObject({ stage: 'ffn_norm' });
    expect(found?.text).toMatch(/ 2 other places are like it\.$/);
  });
});

describe('logits', () => {
  const WIDTH = 16;
  const healthy = logits(noise(8 * WIDTH), WIDTH);

  test('that are all positive, or all negative', () => {
    const positive = { ...healthy, values: healthy.values.map((value) => value + 3) };
    const found = one('positive-logits', [positive], [healthy]);
    expect(found).toMatchObject({ differs: true, layer: null, candidate: 8, reference: 0, scale: 8 });
    expect(found?.text).toBe('all logits are positive in 8 of 8 rows; llama.cpp has none.');
    expect(one('positive-logits', [positive], [positive])).toMatchObject({ differs: false, reference: 8 });
    const negative = { ...healthy, values: healthy.values.map((value) => value - 3) };
    expect(one('negative-logits', [negative], [healthy])).toMatchObject({ differs: true });
    const last = logits([...positive.values.subarray(0, WIDTH)], WIDTH);
    expect(one('positive-logits', [positive], [last])).toMatchObject({ differs: false, reference: 1 });
  });

  test('that are positive by a hair on one side', () => {
    const hair = (least: number) =>
      logits(
        [...Array(WIDTH - 1).fill(2), least].map((value, i) => value + i / 10),
        WIDTH,
      );
    expect(one('positive-logits', [hair(-1.49)], [hair(-1.51)])).toMatchObject({ differs: false });
  });

  test('that repeat another row', () => {
    const values = [...healthy.values];
    values.splice(5 * WIDTH, WIDTH, ...values.slice(2 * WIDTH, 3 * WIDTH));
    const sick = logits(values, WIDTH);
    const found = one('repeated-logits', [sick], [healthy]);
    expect(found).toMatchObject({ differs: true, candidate: 1, reference: 0, scale: 8 });
    expect(found?.text).toBe('the logits of token 5 are those of token 2, bit for bit; llama.cpp has none.');
    expect(one('repeated-logits', [sick], [sick])).toMatchObject({ differs: false });
    expect(kinds([healthy], [sick])).toEqual([]);
    expect(one('repeated-logits', [sick], [])).toMatchObject({ differs: false, reference: null });
  });

  test('that repeat the row of the step before', () => {
    const first = logits([...healthy.values.subarray(0, WIDTH)], WIDTH, { first: 4 });
    const next = { ...first, step: 1, positions: Int32Array.of(5) };
    const right = logits(noise(WIDTH), WIDTH, { first: 5, step: 1 });
    expect(one('repeated-logits', [first, next], [first, right])).toMatchObject({ step: 1, differs: true });
  });

  test('that are another row but for one bit do not repeat it', () => {
    const row = [...healthy.values.subarray(0, WIDTH)];
    const other = row.with(9, (row[9] as number) + 1e-6);
    expect(kinds([logits([...row, ...other], WIDTH)], [])).toEqual([]);
  });

  test('a prompt of one token over and over repeats rows on one side, and nearly on the other', () => {
    const row = [...healthy.values.subarray(0, WIDTH)];
    const near = row.map((value) => value * (1 + 1e-6));
    const found = one('repeated-logits', [logits([...row, ...row], WIDTH)], [logits([...row, ...near], WIDTH)]);
    expect(found).toMatchObject({ differs: false });
    expect(found?.text).toMatch(/as llama\.cpp has it \(nearly\)\.$/);
  });

  test('of which one token wins everywhere', () => {
    const sick = { ...healthy, values: healthy.values.map((value, i) => (i % WIDTH === 6 ? 5 : value)) };
    const right = { ...healthy, values: healthy.values.map((value, i) => (i % (WIDTH + 1) === 0 ? 5 : value)) };
    const found = one('same-token-everywhere', [sick], [right]);
    expect(found).toMatchObject({ differs: true, candidate: 8, reference: 1 });
    expect(found?.text).toBe(
      'token 6 wins at 8 positions in a row, from position 0 on; llama.cpp has one that wins at 1 of them.',
    );
    expect(one('same-token-everywhere', [sick], [sick])).toMatchObject({ differs: false });
    const tie = { ...sick, values: sick.values.with(4 * WIDTH + 2, 6) }; // another token wins at one position
    expect(one('same-token-everywhere', [sick], [tie])).toMatchObject({ differs: false, candidate: 8, reference: 7 });
    const few = { ...right, values: right.values.map((value, i) => (i % WIDTH === 6 && i < 3 * WIDTH ? 9 : value)) };
    expect(kinds([few], [right])).toEqual([]);
  });

  test('of NaN are no logits', () => {
    const nan = { ...healthy, values: healthy.values.map(() => Number.NaN) };
    expect(kinds([nan], [healthy])).toEqual([]);
  });
});

describe('faults of a small Llama are seen', () => {
  const from = (stage: string, change: (values: Float64Array) => Float64Array, layer: number | null = 1): Fault => {
    return (at) => (at.stage === stage && (at.layer ?? null) === layer ? change(at.values.slice()) : undefined);
  };
  const flat: Fault = ({ stage, width, values }) =>
    stage === 'kq_soft_max'
      ? values.map((_, i) => (i % (width / HEADS) <= i / width ? 1 / (Math.floor(i / width) + 1) : 0))
      : undefined;

  test.each<[string, Fault, ObservationKind]>([
    ['attention that is uniform', flat, 'uniform-attention'],
    ['a row that was not written', from('attn_out', (values) => values.fill(0, 32, 64)), 'dead-rows'],
    [
      'a row that overflows',
      from('ffn_out', (values) => values.map((value, i) => (i < 32 ? value * 1e6 : value))),
      'exploding-rows',
    ],
    ['a residual that is added many times', from('l_out', (values) => values.map((value) => value * 30)), 'rms-growth'],
    [
      'a head that reads one row',
      from('result_output', (values) => values.map((_, i) => values[i % 16] as number), null),
      'repeated-logits',
    ],
  ])('%s', (_, fault, kind) => {
    const model = tinyModel();
    const found = seen(tinyRun({ model, fault }), tinyRun({ model }));
    expect(found.filter(({ differs }) => differs).map((observation) => observation.kind)).toContain(kind);
    expect(found.length).toBeLessThanOrEqual(10);
    for (const { text } of found) expect(text).toMatch(/; (as )?llama\.cpp has .*\.$/);
  });

  test('what differs comes first, and the reference goes by its name', () => {
    const model = tinyModel();
    const [sick, right] = [tinyRun({ model, fault: flat }), tinyRun({ model })];
    const found = observe(side(sick), side(right), 'ollama');
    const order = found.map(({ differs }) => Number(!differs));
    expect(order).toEqual([...order].sort());
    expect(found[0]?.text).toContain('ollama has');
  });
});
