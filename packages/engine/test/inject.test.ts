import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { llamaGraph, STAGE_NAMES, type StageName, type Tensor } from '@llama-probe/dump';
import { oracleOf, randomFrom, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, describe, expect, test, vi } from 'vitest';
import {
  type Attention,
  add,
  forward,
  getRows,
  kq,
  kqv,
  matMul,
  mul,
  type OracleHook,
  type OracleLayer,
  rmsNorm,
  rope,
  ropeAngle,
  softMax,
  swiglu,
} from '../../oracle/src/index.js';
import { openAdapter } from '../src/adapter/index.js';
import type { ArenaSize } from '../src/arena.js';
import { Engine, openEngine, type RunOptions } from '../src/engine.js';
import { openGguf } from '../src/gguf.js';
import type { Hook, RecordedSoFar, StageAt } from '../src/hook.js';
import { llamaTensors } from '../src/tensors.js';
import { uploadModel } from '../src/weights.js';
import { bytesOf, collect, everything, expectSame, name, type Run, relative } from './runs.js';

// One model, always the same, as in forward.test.ts: three layers amplify rounding as their values have it (with 1 by 3.6e-6).
const random = randomFrom(2);
const folder = mkdtempSync(join(tmpdir(), 'llama-probe-inject-'));
const SHADERS = fileURLToPath(new URL('../shaders', import.meta.url));

const layers = 3;
const sizes = { layers, embd: 18, heads: 4, kvHeads: 2, headDim: 6, ff: 20, vocab: 37, context: 16 };
const { embd, heads, kvHeads, headDim, ff } = sizes;
const parts = tinyLlama(sizes, random);
const model = oracleOf(sizes, parts);
const path = join(folder, 'tiny.gguf');
writeFileSync(path, writeGguf(parts).bytes);

const engine = await openEngine({ model: path });
const opened: Array<{ close(): void }> = [engine];
afterAll(() => {
  vi.unstubAllEnvs();
  for (const each of opened) each.close();
  rmSync(folder, { recursive: true });
});

// Five tokens in passes of 3 and 2, and three steps after them. Forced tokens, so that runs differ in nothing but the hook.
const ids = [1, 36, 0, 17, 17, 9, 30, 4];
const cut: RunOptions = { tokens: ids.slice(0, 5), ubatch: 3, steps: 3, forcedTokens: ids.slice(5) };
const PASSES = 5;
const healthy = await collect(engine, cut);

/** A stage in f64: from its inputs in the order that the vocabulary names them, and from the rows of the cache. */
type Formula = (
  inputs: [Float64Array, Float64Array],
  c: { at: StageAt; w: OracleLayer; cache: Float64Array; attention: Attention; nKv: number },
) => Float64Array;

const { rmsEpsilon, attentionScale } = model.config;
const RIGHT: Record<StageName, Formula> = {
  embd: (_, { at }) =>
    getRows(
      (id) => model.tokenEmbd.subarray(id * embd, (id + 1) * embd),
      ids.slice(at.firstPosition).slice(0, at.tokens),
    ),
  attn_rms: ([x]) => rmsNorm(x, embd, rmsEpsilon),
  attn_norm: ([x], { w }) => mul(x, w.attnNorm),
  q_proj: ([x], { w }) => matMul(x, w.attnQ, embd),
  k_proj: ([x], { w }) => matMul(x, w.attnK, embd),
  v_proj: ([x], { w }) => matMul(x, w.attnV, embd),
  q_rope: ([q], { at }) => rope(q, at.width, at.firstPosition, model.config),
  k_rope: ([k], { at }) => rope(k, at.width, at.firstPosition, model.config),
  kq: ([q], { cache, attention }) => kq(q, cache, attention),
  kq_soft_max: ([scores], { nKv, attention }) => softMax(scores, nKv, attentionScale, attention),
  kqv_out: ([p], { cache, attention }) => kqv(p, cache, attention),
  attn_out: ([x], { w }) => matMul(x, w.attnOutput, heads * headDim),
  ffn_inp: ([y, x]) => add(x, y),
  ffn_rms: ([x]) => rmsNorm(x, embd, rmsEpsilon),
  ffn_norm: ([x], { w }) => mul(x, w.ffnNorm),
  ffn_gate: ([x], { w }) => matMul(x, w.ffnGate, embd),
  ffn_up: ([x], { w }) => matMul(x, w.ffnUp, embd),
  ffn_swiglu: ([gate, up]) => swiglu(gate, up),
  ffn_out: ([x], { w }) => matMul(x, w.ffnDown, ff),
  l_out: ([y, x]) => add(x, y),
  result_rms: ([x]) => rmsNorm(x, embd, rmsEpsilon),
  result_norm: ([x]) => mul(x, model.outputNorm),
  result_output: ([x]) => matMul(x, model.output, embd),
};

/** Computes stages by formula from the run's own inputs, or from those that `from` has at the time. */
function injecting(
  formulas: Partial<Record<StageName, Formula>>,
  from: (at: StageAt, recorded: RecordedSoFar) => RecordedSoFar = (_, recorded) => recorded,
): Hook & Required<Pick<Hook, 'inject'>> & { injected: number } {
  const graph = llamaGraph({ layers });
  const caches = new Map<string, number[]>();
  const withRows = (key: string, at: StageAt, rows: ArrayLike<number>): Float64Array => {
    const cache = (caches.get(key) ?? []).slice(0, at.firstPosition * kvHeads * headDim).concat(Array.from(rows));
    caches.set(key, cache);
    return Float64Array.from(cache);
  };
  return {
    ...everything,
    injected: 0,
    inject(at) {
      const formula = formulas[at.stage as StageName];
      if (!formula) return undefined;
      return async (recorded) => {
        const source = from(at, recorded);
        const input = ({ stage, layer }: { stage: string; layer: number | null }) => {
          const tensor = source.get(stage, layer);
          if (!tensor) throw new Error(`${stage} of layer ${layer} is not there for ${name(at)}`);
          return Float64Array.from(tensor.values);
        };
        const inputs = graph.inputsOf(at).map(input);
        const cached = graph.cachedInputOf(at);
        await tick();
        this.injected++;
        return Float32Array.from(
          formula(inputs as [Float64Array, Float64Array], {
            at,
            w: model.blk[at.layer ?? 0] as OracleLayer,
            cache: cached ? withRows(name({ ...at, ...cached }), at, input(cached)) : new Float64Array(),
            attention: { headCount: heads, headCountKv: kvHeads, headDim, firstPosition: at.firstPosition },
            nKv: at.firstPosition + at.tokens,
          }),
        );
      };
    },
  };
}

const tick = () => new Promise<void>((resolve) => setTimeout(resolve));

/** The largest delta of a stage. Runs must have the same stages in the same order. */
function worst(got: Tensor[], want: Tensor[]): number {
  expect(got.map(({ step, order, ...at }) => `${step} ${order} ${name(at)}`)).toEqual(
    want.map(({ step, order, ...at }) => `${step} ${order} ${name(at)}`),
  );
  return got.reduce((most, { values }, i) => {
    const delta = relative(values, (want[i] as Tensor).values);
    return Number.isNaN(delta) ? Number.POSITIVE_INFINITY : Math.max(most, delta);
  }, 0);
}

const ROUNDING = 3e-6; // of three layers, as in forward.test.ts

describe("a stage computed in f64 from the run's own inputs is the stage", () => {
  test.each(STAGE_NAMES)('%s', async (stage) => {
    const hook = injecting({ [stage]: RIGHT[stage] });
    const { tensors } = await collect(engine, { ...cut, hook });
    expect(hook.injected).toBe(healthy.tensors.filter((tensor) => tensor.stage === stage).length);
    expect(worst(tensors, healthy.tensors)).toBeLessThan(ROUNDING);
  });

  test('all of them at once', async () => {
    const hook = injecting(RIGHT);
    const { tensors } = await collect(engine, { ...cut, hook });
    expect(hook.injected).toBe(PASSES * (layers * 19 + 4));
    expect(worst(tensors, healthy.tensors)).toBeLessThan(ROUNDING);
  });
});

/** A kernel gone wrong, and the same mistake in f64. */
interface Fault {
  readonly title: string;
  readonly patches: ReadonlyArray<readonly [file: string, before: string, after: string]>;
  readonly formulas: Partial<Record<StageName, Formula>>;
}

const halves: Formula = ([x], { at }) => {
  const y = new Float64Array(x.length);
  const half = headDim / 2;
  for (let head = 0; head * headDim < x.length; head++) {
    const position = at.firstPosition + Math.floor((head * headDim) / at.width);
    for (let p = 0; p < half; p++) {
      const angle = ropeAngle(position, p, model.config);
      const i = head * headDim + p;
      const [a, b] = [x[i] as number, x[i + half] as number];
      y[i] = a * Math.cos(angle) - b * Math.sin(angle);
      y[i + half] = a * Math.sin(angle) + b * Math.cos(angle);
    }
  }
  return y;
};
const twice = (weight: Float64Array) => mul(weight, weight);
/** The scores of query head h with the keys of head h % kvHeads. */
const inTurns: Formula = ([q], { at, cache, nKv }) =>
  Float64Array.from({ length: at.tokens * at.width }, (_, i) => {
    const [row, position] = [Math.floor(i / nKv), i % nKv];
    if (position > at.firstPosition + Math.floor(row / heads)) return Number.NaN;
    const key = position * kvHeads + ((row % heads) % kvHeads);
    let sum = 0;
    for (let d = 0; d < headDim; d++) sum += (q[row * headDim + d] as number) * (cache[key * headDim + d] as number);
    return sum;
  });

const FAULTS: readonly Fault[] = [
  {
    title: 'RoPE turns the halves of a head, of Q and K',
    patches: [
      ['rope.wgsl', 'let a = x[2u * i];', 'let p = i / pairs * head_dim + i % pairs; let a = x[p];'],
      ['rope.wgsl', 'let b = x[2u * i + 1u];', 'let b = x[p + pairs];'],
      ['rope.wgsl', 'put(2u * i, ', 'put(p, '],
      ['rope.wgsl', 'put(2u * i + 1u, ', 'put(p + pairs, '],
    ],
    formulas: { q_rope: halves, k_rope: halves },
  },
  {
    title: 'the norm weight is applied twice',
    patches: [['mul.wgsl', 'w[i % length]', 'w[i % length] * w[i % length]']],
    formulas: {
      attn_norm: ([x], { w }) => mul(x, twice(w.attnNorm)),
      ffn_norm: ([x], { w }) => mul(x, twice(w.ffnNorm)),
      result_norm: ([x]) => mul(x, twice(model.outputNorm)),
    },
  },
  {
    title: 'the scores are not scaled',
    patches: [
      ['soft_max.wgsl', 'max(highest, scale * kq', 'max(highest, kq'],
      ['soft_max.wgsl', 'exp(scale * kq', 'exp(kq'],
    ],
    formulas: { kq_soft_max: ([scores], { nKv, attention }) => softMax(scores, nKv, 1, attention) },
  },
  {
    title: 'query heads take the keys in turns',
    patches: [['kq.wgsl', '(heads / kv_heads)', '1u % kv_heads']],
    formulas: { kq: inTurns },
  },
  {
    title: 'a residual is left out',
    patches: [['add.wgsl', 'y[i] += x[i]', 'y[i] = x[i]']],
    formulas: { ffn_inp: ([y]) => y, l_out: ([y]) => y },
  },
];

/** An engine whose shaders have the patches in them. The shaders' folder is read when the module is. */
async function broken(patches: Fault['patches']): Promise<Engine> {
  const shaders = mkdtempSync(join(folder, 'shaders-'));
  cpSync(SHADERS, shaders, { recursive: true });
  for (const [file, before, after] of patches) {
    const source = readFileSync(join(shaders, file), 'utf8').split(before);
    expect(source.length - 1, `times that ${file} has "${before}"`).toBe(1);
    writeFileSync(join(shaders, file), source.join(after));
  }
  vi.stubEnv('LLAMA_PROBE_SHADERS', shaders);
  vi.resetModules();
  const fresh = await import('../src/engine.js');
  const faulty = await fresh.openEngine({ model: path });
  opened.push(faulty);
  return faulty;
}

describe('a fault in a live run is the run of an engine that has it', () => {
  test.each(FAULTS)('$title', async ({ title, patches, formulas }) => {
    const want = await collect(await broken(patches), cut);
    const { tensors } = await collect(engine, { ...cut, hook: injecting(formulas) });
    const delta = worst(tensors, want.tensors);
    if (process.env.VERBOSE) console.log(`${title}: worst relative RMS ${delta.toExponential(2)}`);
    expect(delta).toBeLessThan(1e-5);

    // What this shows: the fault has spread, and rows that come from a healthy run's inputs are something else.
    const last = ({ tensors }: Run) => (tensors.at(-1) as Tensor).values;
    expect(relative(last(want), last(healthy))).toBeGreaterThan(1e-2);
    const stale = injecting(formulas, (at) => ({
      get: (stage, layer) =>
        healthy.tensors.find(
          (tensor) => tensor.positions[0] === at.firstPosition && tensor.stage === stage && tensor.layer === layer,
        ),
    }));
    expect(worst((await collect(engine, { ...cut, hook: stale })).tensors, want.tensors)).toBeGreaterThan(1e-2);
  });
});

describe('what a Later gives', () => {
  const shaken = healthy.tensors.map(({ values }) => values.map((value) => value * (0.9 + random() / 5)));

  test('that gives no rows leaves the stage as the kernel has computed it', async () => {
    const inject = ({ order }: StageAt) => (order % 5 === 0 ? async () => undefined : undefined);
    expectSame(await collect(engine, { ...cut, hook: { ...everything, inject } }), healthy);
  });

  test.each([1, 2, 7])('is what inject() may give at once, at every %d. stage', async (every) => {
    const given = ({ order }: StageAt) => (order % every === 0 ? shaken[order] : undefined);
    const later = (at: StageAt) => given(at) && (() => given(at) as Float32Array);
    const mixed = (at: StageAt) => (at.order % 2 === 0 ? later(at) : given(at));
    const want = await collect(engine, { ...cut, hook: { ...everything, inject: given } });
    expectSame(await collect(engine, { ...cut, hook: { ...everything, inject: later } }), want);
    expectSame(await collect(engine, { ...cut, hook: { ...everything, inject: mixed } }), want);
  });

  test('is copied', async () => {
    const rows = new Float32Array(3 * sizes.heads * 3 * headDim);
    const inject =
      ({ tokens, width, order }: StageAt) =>
      () => {
        const given = rows.subarray(0, tokens * width).fill(order);
        setTimeout(() => given.fill(Number.NaN));
        return given;
      };
    const hook: Hook = { ...everything, inject: (at) => (at.stage === 'q_rope' ? inject(at) : undefined) };
    for (const { stage, order, values } of (await collect(engine, { ...cut, hook })).tensors) {
      if (stage === 'q_rope') expect(values).toEqual(new Float32Array(values.length).fill(order));
    }
  });

  test.each(['k_rope', 'v_proj'] as const)('for %s goes into the cache', async (stage) => {
    const rows = Float32Array.from({ length: 5 * kvHeads * headDim }, () => random() * 2 - 1);
    const here = (at: { stage: string; layer: number | null }) => at.stage === stage && at.layer === 1;
    const inject = (at: StageAt) =>
      here(at) && at.step === 0
        ? () => rows.subarray(at.firstPosition * at.width, (at.firstPosition + at.tokens) * at.width)
        : undefined;
    const { tensors } = await collect(engine, { ...cut, hook: { ...everything, inject } });
    const hook: OracleHook = (at) => (here(at) ? at.values.map((value, i) => rows[i] ?? value) : undefined);
    const twin = forward(model, ids, hook);
    const ofLastStep = tensors.filter(({ step }) => step === 3);
    expect(ofLastStep.map(name)).toEqual(twin.map(name));
    ofLastStep.forEach(({ values, ...at }, i) => {
      const want = twin[i]?.values as Float64Array;
      expect(relative(values, want.subarray(-values.length)), name(at)).toBeLessThan(ROUNDING);
    });
  });

  test('for the scores is not NaN where the mask hides', async () => {
    const looksAhead = await broken([['soft_max.wgsl', 'batch.first_position + row / heads + 1u', 'batch.n_kv']]);
    const inject = (at: StageAt) => (at.stage === 'kq' ? (recorded: RecordedSoFar) => hidden(at, recorded) : undefined);
    const hidden = (at: StageAt, recorded: RecordedSoFar) => {
      const rows = healthy.tensors[at.order]?.values as Float32Array;
      expect(recorded.get('kq', at.layer)).toBeUndefined(); // it is this stage
      expect(rows.some(Number.isNaN)).toBe(at.step === 0);
      return rows;
    };
    const { tensors } = await collect(looksAhead, { ...cut, hook: { ...everything, inject } });
    expect(tensors.filter(({ stage }) => stage === 'l_out').every(({ values }) => values.every(Number.isFinite))).toBe(
      true,
    );
  });

  test('for the logits is what the next token is chosen from, recorded or not', async () => {
    const inject = ({ stage, tokens, width, step }: StageAt) =>
      stage === 'result_output'
        ? () =>
            new Float32Array(tokens * width).fill(1, (tokens - 1) * width + 11 + step, (tokens - 1) * width + 12 + step)
        : undefined;
    const recorded = await collect(engine, { ...cut, hook: { ...everything, inject } });
    const unseen = await collect(engine, { ...cut, hook: { record: () => false, inject } });
    expect(recorded.generated).toEqual([11, 12, 13, 14]);
    expect(unseen).toEqual({ tensors: [], generated: [11, 12, 13, 14] });
  });
});

describe('with overwrite in the same run', () => {
  const given = healthy.tensors.map((tensor) => ({
    ...tensor,
    values: tensor.values.map((value) => value * (0.9 + random() / 5)),
  }));
  const overwrite = ({ order }: StageAt) => given[order]?.values;

  test('a Later computes from the rows that were put there, as the next kernel does', async () => {
    const want = await collect(engine, { ...cut, hook: { ...everything, overwrite } });
    const hook = { ...injecting(RIGHT), overwrite };
    const { tensors } = await collect(engine, { ...cut, hook });
    expect(hook.injected).toBe(PASSES * (layers * 19 + 4));
    expect(worst(tensors, want.tensors)).toBeLessThan(ROUNDING);
    expect(worst(tensors, healthy.tensors)).toBeGreaterThan(1e-2);
  });

  test('a fault stays in its own stages', async () => {
    const { formulas } = FAULTS[0] as Fault;
    const hook: Hook = { ...injecting(formulas), overwrite: ({ order }) => healthy.tensors[order]?.values };
    const { tensors } = await collect(engine, { ...cut, hook });
    const changed = tensors.filter((tensor, i) => !bytesOf(tensor).equals(bytesOf(healthy.tensors[i] as Tensor)));
    expect(changed.length).toBe(2 * layers * PASSES);
    expect(new Set(changed.map(({ stage }) => stage))).toEqual(new Set(['q_rope', 'k_rope']));
  });

  test('the rows that were put there are copied for it', async () => {
    const rows = new Float32Array(3 * ff);
    const seen: number[] = [];
    await collect(engine, {
      ...cut,
      hook: {
        ...everything,
        overwrite: ({ stage, tokens, width, order }) =>
          stage === 'ffn_gate' || stage === 'ffn_up' ? rows.fill(order).subarray(0, tokens * width) : undefined,
        inject: ({ stage, layer, order }) =>
          stage === 'ffn_swiglu'
            ? (recorded) => {
                seen.push(order - (recorded.get('ffn_gate', layer)?.values.at(-1) as number));
                seen.push(order - (recorded.get('ffn_up', layer)?.values.at(-1) as number));
                return new Float32Array((recorded.get('ffn_up', layer) as Tensor).values.length);
              }
            : undefined,
      },
    });
    expect(seen).toEqual(Array.from({ length: layers * PASSES }, () => [2, 1]).flat());
  });
});

describe('order', () => {
  test('each record comes once, in order, before the Later that may look it up', async () => {
    for (const wanted of [() => true, ({ order }: StageAt) => order % 3 === 0]) {
      const asked: number[] = [];
      const read: number[] = [];
      const hook: Hook = {
        record(at) {
          if (wanted(at)) asked.push(at.order);
          return wanted(at);
        },
        inject: (at) => (at.order % 5 === 0 ? () => later(at) : undefined),
      };
      const later = ({ order }: StageAt) => {
        expect(asked.every((earlier) => earlier < order)).toBe(true);
        expect(read).toEqual(asked);
        return healthy.tensors[order]?.values as Float32Array;
      };
      for await (const { order } of engine.run({ ...cut, hook }).tensors) read.push(order);
      expect(read).toEqual(asked);
      expect(read).toEqual(healthy.tensors.map(({ order }) => order).filter((order) => asked.includes(order)));
      expect(read.length).toBeGreaterThan(healthy.tensors.length / 4);
    }
  });

  test('the hook is called stage by stage, and a stage is done before the next one begins', async () => {
    const events: string[] = [];
    const said = (event: string, at: StageAt) => void events.push(`${event} ${at.order}`);
    const hook: Hook = {
      prepare: async ({ layer }) => void events.push(`prepare ${layer}`),
      inject(at) {
        said('inject', at);
        if (at.order % 2 === 0) return undefined;
        return async () => {
          await tick();
          said('later', at);
          return healthy.tensors[at.order]?.values as Float32Array;
        };
      },
      record: (at) => {
        said('record', at);
        return true;
      },
      overwrite: (at) => void said('overwrite', at),
    };
    await collect(engine, { tokens: cut.tokens.slice(0, 3), hook });
    const perLayer: Record<number, string> = { 0: 'prepare 0', 20: 'prepare 1', 39: 'prepare 2', 58: 'prepare null' };
    const want = Array.from({ length: 61 }, (_, i) => [
      ...(perLayer[i] ? [perLayer[i]] : []),
      `inject ${i}`,
      ...(i % 2 === 1 ? [`later ${i}`] : []),
      `record ${i}`,
      `overwrite ${i}`,
    ]);
    expect(events).toEqual(want.flat());
  });
});

describe('what is recorded so far', () => {
  /** The stages that can be looked up at one place, of each pass. */
  async function known(place: { stage: string; layer: number | null }, record: Hook['record']): Promise<string[][]> {
    const lookups: string[][] = [];
    const inject = (at: StageAt) => {
      if (at.stage !== place.stage || at.layer !== place.layer) return undefined;
      return (recorded: RecordedSoFar) => {
        const places = [null, 0, 1, 2].flatMap((layer) => STAGE_NAMES.map((stage) => ({ stage, layer })));
        const found = places.flatMap(({ stage, layer }) => recorded.get(stage, layer) ?? []);
        for (const { positions } of found) expect(positions[0]).toBe(at.firstPosition);
        lookups.push(found.sort((a, b) => a.order - b.order).map(name));
        return healthy.tensors[at.order]?.values as Float32Array;
      };
    };
    await collect(engine, { ...cut, hook: { record, inject } });
    expect(lookups.length).toBe(PASSES);
    for (const each of lookups) expect(each).toEqual(lookups[0]);
    return lookups;
  }
  const ofLayer = (layer: number) => STAGE_NAMES.slice(1, 20).map((stage) => name({ stage, layer }));
  const all = () => true;

  test('is this layer and the one before, and what comes before the first or after the last', async () => {
    expect((await known({ stage: 'embd', layer: null }, all))[0]).toEqual([]);
    expect((await known({ stage: 'q_proj', layer: 0 }, all))[0]).toEqual(['embd-', 'attn_rms-0', 'attn_norm-0']);
    expect((await known({ stage: 'attn_rms', layer: 1 }, all))[0]).toEqual(['embd-', ...ofLayer(0)]);
    expect((await known({ stage: 'attn_norm', layer: 2 }, all))[0]).toEqual([...ofLayer(1), 'attn_rms-2']);
    expect((await known({ stage: 'result_norm', layer: null }, all))[0]).toEqual([...ofLayer(2), 'result_rms-']);
  });

  test('is what record() has asked for', async () => {
    const record = ({ stage }: StageAt) => stage === 'l_out';
    expect((await known({ stage: 'k_rope', layer: 2 }, record))[0]).toEqual(['l_out-1']);
    expect((await known({ stage: 'k_rope', layer: 2 }, () => false))[0]).toEqual([]);
  });

  test('has the rows of the record', async () => {
    const seen: Tensor[] = [];
    const inject = ({ stage, layer, order }: StageAt) =>
      stage === 'ffn_swiglu'
        ? (recorded: RecordedSoFar) => {
            seen.push(recorded.get('ffn_up', layer) as Tensor);
            return healthy.tensors[order]?.values as Float32Array;
          }
        : undefined;
    const { tensors } = await collect(engine, { ...cut, hook: { ...everything, inject } });
    expect(seen).toEqual(tensors.filter(({ stage }) => stage === 'ffn_up'));
  });
});

describe('arenas', async () => {
  const adapter = await openAdapter();
  opened.push(adapter);
  const file = await openGguf(path);
  const weights = await uploadModel(adapter.device, adapter.info.kind, file, llamaTensors(file, engine.config));
  const withArenas = (size: ArenaSize) => new Engine(adapter, file, engine.config, weights, { arenaSize: size });

  test('of one layer are enough', async () => {
    const small = withArenas({ usual: 1, most: 1 << 30 });
    const large = withArenas({ usual: 1 << 20, most: 1 << 30 });
    const { formulas } = FAULTS[0] as Fault;
    const overwrite = (at: StageAt) => (at.layer === 1 ? healthy.tensors[at.order]?.values : undefined);
    const hooks = [
      () => injecting(formulas),
      () => ({ ...injecting(RIGHT) }),
      () => ({ ...injecting(formulas), overwrite }),
      () => injecting({ result_output: RIGHT.result_output }), // with all layers still in the large arena
    ];
    for (const hook of hooks) {
      expectSame(await collect(small, { ...cut, hook: hook() }), await collect(large, { ...cut, hook: hook() }));
    }
    expect(small.memory.arena).toBeLessThan(large.memory.arena / 2);
  });

  test('are emptied where a Later stands between', async () => {
    const two = withArenas({ usual: 1, most: 4 * 3 * 2 * ff }); // two stages of three tokens
    const record = ({ stage }: StageAt) => ['ffn_gate', 'ffn_up', 'ffn_swiglu', 'ffn_out'].includes(stage);
    await expect(collect(two, { ...cut, hook: { record } })).rejects.toThrow('The record arena has 480 bytes');
    const hook: Hook = { ...injecting({ ffn_swiglu: RIGHT.ffn_swiglu }), record };
    const { tensors } = await collect(two, { ...cut, hook });
    expect(tensors.length).toBe(4 * layers * PASSES);
  });
});

describe('errors', () => {
  const at = (stage: string, layer: number | null, later: () => Float32Array | Promise<Float32Array>): Hook => ({
    ...everything,
    inject: (here) => (here.stage === stage && here.layer === layer ? later : undefined),
  });

  test('rows of another size are refused', async () => {
    const hook = at('q_rope', 1, async () => new Float32Array(3));
    await expect(collect(engine, { ...cut, hook })).rejects.toThrow(
      'inject(q_rope): got 3 values, wanted 3 rows of 24',
    );
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('out of ideas');
      },
    ],
    [
      'rejects',
      async () => {
        await tick();
        throw new Error('out of ideas');
      },
    ],
  ])('a Later that %s ends the run, after what was recorded before it', async (_, later) => {
    const run = engine.run({ ...cut, hook: at('kq', 1, later) });
    const read: Tensor[] = [];
    const reading = async () => {
      for await (const tensor of run.tensors) read.push(tensor);
    };
    await expect(reading()).rejects.toThrow('out of ideas');
    await expect(run.result).rejects.toThrow('out of ideas');
    expect(worst(read, healthy.tensors.slice(0, 27))).toBe(0);
    expectSame(await collect(engine, cut), healthy);
  });

  test('a run can be aborted while it waits', async () => {
    const controller = new AbortController();
    const never = () => {
      setTimeout(() => controller.abort(new Error('enough')));
      return new Promise<Float32Array>(() => {});
    };
    const run = collect(engine, { ...cut, signal: controller.signal, hook: at('kq', 1, never) });
    await expect(run).rejects.toThrow('enough');
    expectSame(await collect(engine, cut), healthy);
  });

  test("rows that come after the abort are nobody's", async () => {
    const controller = new AbortController();
    const tooLate = async () => {
      controller.abort(new Error('enough'));
      await tick();
      throw new Error('too late');
    };
    const run = collect(engine, { ...cut, signal: controller.signal, hook: at('kq', 0, tooLate) });
    await expect(run).rejects.toThrow('enough');
    await tick(); // an unhandled rejection would fail the tests
  });

  test('a run that is aborted asks for no rows', async () => {
    const controller = new AbortController();
    const later = vi.fn();
    const run = engine.run({ ...cut, signal: controller.signal, hook: at('kq', 0, later) });
    const reading = async () => {
      for await (const _ of run.tensors) controller.abort(new Error('enough'));
    };
    await expect(reading()).rejects.toThrow('enough');
    expect(later).not.toHaveBeenCalled();
  });

  test('a run may be left while records wait to be read', async () => {
    const hook = at('kq', 1, () => {
      throw new Error('not reached');
    });
    for await (const { order } of engine.run({ ...cut, hook }).tensors) if (order === 3) break;
    expectSame(await collect(engine, cut), healthy);
  });
});
