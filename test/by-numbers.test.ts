import type { Tensor } from '@llama-probe/dump';
import { beforeAll, expect, test } from 'vitest';
import { type Loaded, loadDump, writeDump } from './support/dumps.js';
import { firstBlocks } from './support/models.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

/** Half as many blocks are searched in half the time. */
const MODEL = firstBlocks(2);
const healthy = path('healthy.arrow');
let loaded: Loaded;

beforeAll(async () => {
  const { code } = await probe([
    'capture',
    '--from',
    'llama',
    '--model',
    MODEL,
    '--tokens',
    '1,338,292,921,970,419',
    '--steps',
    '0',
    '--out',
    healthy,
  ]);
  expect(code).toBe(0);
  loaded = await loadDump(healthy);
});

/** The logits are made of others of the right ones: at (row, column) stands what `from` says. */
const logits = (from: (at: (row: number, column: number) => number, row: number, column: number) => number) =>
  writeDump(loaded, (tensors) =>
    tensors.map((tensor: Tensor) => {
      if (tensor.stage !== 'result_output') return tensor;
      const { width, values } = tensor;
      const at = (row: number, column: number) => values[row * width + column] as number;
      return { ...tensor, values: values.map((_, i) => from(at, Math.floor(i / width), i % width)) };
    }),
  );

test('a fault that no known bug explains is told by its numbers, and is no cause', async () => {
  const run = logits((at, row, column) => at(row - (row % 2), column));
  const { json } = await probeJson(['diff', run, healthy, '--model', MODEL]);
  const [fault] = json.faults ?? [];
  const text = expect.stringMatching(
    /^the rows of tokens 1, 3(?:, \d)* and \d hold the values of tokens 0, 2(?:, \d)* and \d$/,
  );
  expect(fault).toMatchObject({ stage: 'result_output', cause: null, diagnosis: { confidence: 'unknown' } });
  expect(fault?.diagnosis?.byNumbers).toEqual({ kind: 'look-up', text, delta: expect.any(Number) });
  expect(json).toMatchObject({
    causes: [{ confidence: 'unknown', evidence: expect.stringContaining('By the numbers: the rows of tokens 1, 3') }],
  });
});

test('places in the heads of an engine in half-split order are told as it counts them', async () => {
  const DIM = 32;
  const inHalves = (values: Float32Array) =>
    values.map((_, i) => values[i - (i % DIM) + 2 * (i % (DIM / 2)) + (i % DIM < DIM / 2 ? 0 : 1)] as number);
  const run = writeDump(loaded, (tensors) =>
    tensors.map((tensor: Tensor) => {
      if (!/^[qk]_(proj|rope)$/.test(tensor.stage)) return tensor;
      const values = inHalves(tensor.values);
      const isWrong = tensor.stage === 'q_proj' && tensor.layer === 1;
      const wrong = (i: number) => values[i - (i % DIM) + ((i + 3) % DIM)] as number;
      return { ...tensor, values: isWrong ? values.map((_, i) => wrong(i)) : values };
    }),
  );
  const { json } = await probeJson(['diff', run, healthy, '--model', MODEL]);
  const [fault] = json.faults ?? [];
  expect(fault).toMatchObject({ stage: 'q_proj', layer: 1 });
  expect(fault?.where).toMatchObject({ order: 'half-split', kind: { within: 'head', order: 'rotated by -3' } });
  expect(fault?.where?.text).toMatch(/; places in a head are those of the half-split order that the candidate has$/);
  expect(fault?.diagnosis?.evidence).toMatch(
    /By the numbers, in the half-split order that your engine has: in each head /,
  );
});
