import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place, Tensor } from '@llama-probe/dump';
import {
  collect,
  inShort,
  isLong,
  randomFrom,
  stream,
  type TinyArchitecture,
  text,
  tinyArchitecture,
  tinyLlama,
  writeGguf,
} from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import './support/kept.js';
import { compare } from '../src/compare.js';
import { graphTrials } from '../src/diagnosis/graph-trials.js';
import type { Report } from '../src/report.js';
import type { Side } from '../src/side.js';
import { llama } from '../src/sides/llama.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-stretch-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TOKENS = [1, 60, 0, 17, 17, 9, 30, 5, 41];
const THREE = ['embd', 'l_out', 'result_output'];

/** A healthy run, and llama.cpp to make others of it. */
class Runs {
  private constructor(
    readonly side: Side,
    private readonly healthy: readonly Tensor[],
  ) {}

  static async of(side: Side): Promise<Runs> {
    return new Runs(side, await collect(side.run({ tokens: TOKENS, steps: 0 }).tensors));
  }

  /** What becomes of the run of somebody who has dumped three stages only, where one stage has other rows. */
  async reportOf(at: Place, change: (values: Float32Array, width: number) => Float32Array): Promise<Report> {
    const isAt = ({ stage, layer }: Place) => stage === at.stage && layer === at.layer;
    const given = this.healthy.filter(isAt).map((one) => ({ ...one, values: change(one.values.slice(), one.width) }));
    expect(given).toHaveLength(1);
    const names = [...new Set(this.healthy.map(({ stage }) => stage))];
    const run = this.side.run({ tokens: TOKENS, steps: 0, stages: names, from: stream(given) });
    const sick = (await collect(run.tensors)).map((one) => (isAt(one) ? (given[0] as Tensor) : one));
    const seen = sick.filter(({ stage }) => THREE.includes(stage));
    return compare(this.recorded(seen), this.side, { blame: true });
  }

  private recorded(tensors: readonly Tensor[]): Side {
    return {
      about: { ...this.side.about, expects: undefined },
      recorded: { tokens: TOKENS, promptLength: async () => TOKENS.length },
      run: () => ({ tensors: stream(tensors), result: Promise.resolve({ generated: [] }) }),
      describe: (about) => this.side.describe(about),
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    };
  }
}

function llamaFile(): string {
  const sizes = { layers: 3, embd: 32, heads: 4, kvHeads: 2, headDim: 8, ff: 48, vocab: 61, context: 64 };
  const parts = tinyLlama(sizes, randomFrom(3));
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  const path = join(folder, 'llama.gguf');
  writeFileSync(path, writeGguf(parts).bytes);
  return path;
}

/** What no known bug does. */
const PERTURBATIONS: readonly (readonly [string, (values: Float32Array, width: number) => Float32Array])[] = [
  ['noise of 1e-3', (values) => noisy(values, 1e-3)],
  ['noise of a tenth', (values) => noisy(values, 0.1)],
  [
    'the fourth row 1.037 times',
    (values, width) => values.map((x, i) => (Math.floor(i / width) === 3 ? 1.037 * x : x)),
  ],
  ['the first eight columns 0.91 times', (values, width) => values.map((x, i) => (i % width < 8 ? 0.91 * x : x))],
  [
    'the sixth column is that of the row before',
    (values, width) => values.map((x, i) => (i % width === 5 ? (values[i - width] ?? x) : x)),
  ],
];

const PLACES: readonly Place[] = ['attn_norm', 'q_rope', 'v_proj', 'kqv_out', 'ffn_norm', 'ffn_swiglu', 'l_out'].map(
  (stage) => ({ stage, layer: 1 }),
);

function noisy(values: Float32Array, part: number): Float32Array {
  const random = randomFrom(7);
  const size = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
  return values.map((x) => x + part * size * (2 * random() - 1));
}

describe('between two of three stages', () => {
  let side: Side;
  let runs: Runs;
  beforeAll(async () => {
    side = await llama(llamaFile(), { mode: 'exact' });
    runs = await Runs.of(side);
  });
  afterAll(() => side.close());

  const cases = PERTURBATIONS.flatMap(([what, change]) => PLACES.map((at) => ({ what, change, at, stage: at.stage })));

  // Steps of eight through five times seven: the first five have every kind, each at another place.
  const inTurn = cases.map((_, i) => cases[(i * 8) % cases.length] as (typeof cases)[number]);

  test.each(isLong ? inTurn : inTurn.slice(0, PERTURBATIONS.length))(
    '$what in $stage gets no name',
    async ({ at, change }) => {
      const { verdict, first, faults, reason } = await runs.reportOf(at, change);
      expect(verdict).toBe('diverged');
      expect(first).toMatchObject({ stage: 'l_out', layer: 1, cause: null });
      expect(faults?.map(({ diagnosis }) => diagnosis?.confidence)).toEqual(['unknown']);
      expect(reason).toContain('capture there: --stages attn_rms,');
    },
  );
});

const SOME = inShort(
  [
    ...['rms-mean-subtracted', 'norm-weight-twice', 'weight-transposed', 'rope-theta', 'gqa-tiled'],
    ...['softmax-not-divided', 'activation-relu', 'residual-missing'],
  ],
  4,
);

test.each(inShort<TinyArchitecture>(['gemma3', 'qwen3'], 1))(
  'bugs in %s are named from three stages',
  async (architecture) => {
    const model = join(folder, `${architecture}.gguf`);
    writeFileSync(model, writeGguf(tinyArchitecture(architecture, randomFrom(5))).bytes);
    const { trials } = await graphTrials(model, {
      tokensOf: async () => TOKENS,
      ids: SOME,
      captured: THREE,
      onProgress: () => {},
      signal: new AbortController().signal,
    });
    const seen = trials.filter(({ found }) => found !== 'unseen');
    expect(new Set(seen.map(({ id }) => id)).size).toBeGreaterThan(isLong ? 6 : 3);
    expect(seen.filter(({ found, named }) => found !== 'right' || named === 'no')).toEqual([]);
  },
);
