import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STAGE_NAMES, stageKey, type Tensor, tee } from '@llama-probe/dump';
import { randomFrom, tinyArchitecture, writeGguf } from '@llama-probe/testing';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import './support/kept.js';
import { openReference, type Reference, type RunOptions } from '../src/reference.js';
import { type TinyModel, writeTinyModel } from './support/tiny-model.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-from-'));
afterAll(() => rmSync(directory, { recursive: true }));

let reference: Reference | undefined;
afterEach(async () => {
  await reference?.close();
  reference = undefined;
});

async function open(name: string, model: TinyModel = {}): Promise<Reference> {
  reference = await openReference({ model: writeTinyModel(join(directory, `${name}.gguf`), model), mode: 'native' });
  return reference;
}

interface Run {
  tensors: Tensor[];
  generated: number[];
  notes: string[];
}

async function collect(from: Reference, options: RunOptions): Promise<Run> {
  const run = from.run(options);
  const tensors: Tensor[] = [];
  for await (const tensor of run.tensors) tensors.push(tensor);
  return { tensors, ...(await run.result) };
}

// Seven tokens in passes of 3, 3 and 1, and two steps after them.
const CUT = { tokens: [1, 5, 9, 17, 3, 8, 11], ubatch: 3, steps: 2, forcedTokens: [7, 4] } satisfies RunOptions;

const key = (at: Tensor) => `${stageKey(at)}/${at.positions[0]}`;
const bytesOf = ({ values }: Tensor) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** Where two runs are not bit for bit the same. */
function differing(a: readonly Tensor[], b: readonly Tensor[]): string[] {
  expect(a.map(key)).toEqual(b.map(key));
  return a.filter((tensor, i) => Buffer.compare(bytesOf(tensor), bytesOf(b[i] as Tensor)) !== 0).map(key);
}

async function* stream(tensors: readonly Tensor[], ended: string[] = []): AsyncGenerator<Tensor> {
  try {
    yield* tensors;
  } finally {
    ended.push('left');
  }
}

/** The stages with a mistake in some of them: each third value is larger by a hundredth. */
const wrongAt = (tensors: readonly Tensor[], keys: readonly string[]) =>
  tensors.map((tensor) =>
    keys.includes(key(tensor))
      ? { ...tensor, values: tensor.values.map((value, i) => (i % 3 === 0 ? value * 1.01 : value)) }
      : tensor,
  );

/** A run that is wrong at these stages, and right from there on: all that follows from the mistakes is in it. */
async function sickRun(opened: Reference, healthy: readonly Tensor[], keys: readonly string[]): Promise<Tensor[]> {
  const mistakes = wrongAt(healthy, keys).filter((tensor) => keys.includes(key(tensor)));
  const { tensors } = await collect(opened, { ...CUT, stages: 'vocabulary', from: stream(mistakes) });
  // the run tells what llama.cpp made of a stage, and went on from the mistake
  return tensors.map((tensor) => mistakes.find((mistake) => key(mistake) === key(tensor)) ?? tensor);
}

describe('from given rows', () => {
  const variants: Record<string, TinyModel> = {
    plain: {},
    bias: { biases: true },
    fused: { fused: true },
    'every head its own k and v': { kvHeads: 4 },
    experts: { experts: 4 },
  };
  for (const [name, model] of Object.entries(variants)) {
    test(`its own, a run is bit for bit the free run, in every pass and step: ${name}`, async () => {
      const opened = await open('own', model);
      for (const stages of ['vocabulary', 'all'] as const) {
        const free = await collect(opened, { ...CUT, stages });
        const own = await collect(opened, { ...CUT, from: stream(free.tensors) });
        expect(differing(own.tensors, free.tensors)).toEqual([]);
        expect(own).toMatchObject({ generated: free.generated, notes: [] });
      }
    });

    test(`of a wrong run, only what was wrong there differs: ${name}`, async () => {
      const opened = await open('wrong', model);
      const { tensors: healthy } = await collect(opened, CUT);
      const bugs = ['0/0/attn_rms/3', '0/1/k_rope/0', '0/1/kq/3', '0/0/v_proj/6', '1/0/q_proj/7', '1/1/kq_soft_max/7'];
      bugs.push(model.experts ? '2/1/ffn_moe_weights/8' : '2/1/ffn_gate/8', '2/-/result_norm/8');
      const sick = await sickRun(opened, healthy, bugs);
      const all = differing(sick, healthy);
      expect(all).toEqual(expect.arrayContaining(bugs));
      expect(all).toEqual(expect.arrayContaining(['0/1/kq/0', '0/1/kq/3', '2/1/kq/8', '2/1/kqv_out/8']));
      const own = await collect(opened, { ...CUT, from: stream(sick) });
      expect(differing(own.tensors, sick).sort()).toEqual([...bugs].sort());
    });
  }

  test('rows of every stage change what follows, and nothing before', async () => {
    const opened = await open('one');
    const { tensors: healthy } = await collect(opened, CUT);
    for (const stage of STAGE_NAMES.filter((name) => name !== 'result_output')) {
      const place = key(healthy.find((tensor) => tensor.stage === stage) as Tensor);
      const [first, second] = differing(await sickRun(opened, healthy, [place]), healthy);
      expect(first).toBe(place);
      expect(second, place).toBeDefined();
    }
  });

  test('in the order of another engine', async () => {
    const opened = await open('order');
    const { tensors: healthy } = await collect(opened, CUT);
    const bugs = ['0/1/k_rope/3', '2/0/v_proj/8'];
    const sick = await sickRun(opened, healthy, bugs);
    const rank = ['q_proj', 'k_proj', 'v_proj', 'q_rope', 'k_rope'];
    // llama.cpp: q_proj, q_rope, v_proj, k_proj, k_rope
    const other = sick.slice();
    for (let i = 0; i < other.length; i++) {
      if (other[i]?.stage !== 'q_proj') continue;
      const five = other.slice(i, i + 5).sort((a, b) => rank.indexOf(a.stage) - rank.indexOf(b.stage));
      other.splice(i, 5, ...five);
    }
    expect(other.map(key)).not.toEqual(sick.map(key));
    const own = await collect(opened, { ...CUT, from: stream(other) });
    expect(differing(own.tensors, sick)).toEqual(bugs);
  });

  test('what the mask hides of kq stays, whatever is given for it', async () => {
    const opened = await open('hidden');
    const free = await collect(opened, CUT);
    for (const filling of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 7]) {
      const given = free.tensors.map((tensor) =>
        tensor.stage === 'kq'
          ? { ...tensor, values: tensor.values.map((value) => (Number.isNaN(value) ? filling : value)) }
          : tensor,
      );
      const own = await collect(opened, { ...CUT, from: stream(given) });
      expect(differing(own.tensors, free.tensors)).toEqual([]);
    }
    // NaN is what the other side's mask has hidden: llama.cpp says what comes of a mask that does not
    const more = free.tensors.map((tensor) =>
      key(tensor) === '0/0/kq/3'
        ? { ...tensor, values: tensor.values.map((value, i) => (i % 6 === 0 ? Number.NaN : value)) }
        : tensor,
    );
    expect(differing((await collect(opened, { ...CUT, from: stream(more) })).tensors, free.tensors)).toEqual([]);
  });

  test('a few stages only: they come, and those that were asked for besides', async () => {
    const opened = await open('few');
    const free = await collect(opened, CUT);
    const few = free.tensors.filter(({ stage }) => ['embd', 'l_out', 'result_output'].includes(stage));
    const own = await collect(opened, { ...CUT, from: stream(few) });
    expect(differing(own.tensors, few)).toEqual([]);
    const more = await collect(opened, { ...CUT, stages: ['ffn_inp'], layers: [1], from: stream(few) });
    expect([...new Set(more.tensors.map(({ stage, layer }) => `${stage}-${layer}`))]).toEqual([
      'embd-null',
      'l_out-0',
      'ffn_inp-1',
      'l_out-1',
      'result_output-null',
    ]);
    const none = await collect(opened, { ...CUT, from: stream([]) });
    expect(none).toEqual({ tensors: [], generated: free.generated, notes: [], milliseconds: expect.any(Number) });
  });

  test('the last rows of a pass are enough for these', async () => {
    const opened = await open('tail');
    const free = await collect(opened, CUT);
    const tail = free.tensors.map((tensor) => {
      if (tensor.stage !== 'result_norm') return tensor;
      return {
        ...tensor,
        positions: tensor.positions.slice(-1),
        values: tensor.values.slice(-tensor.width).map((v) => 2 * v),
      };
    });
    const own = await collect(opened, { ...CUT, from: stream(tail) });
    for (const [i, { stage, width, values }] of own.tensors.entries()) {
      const right = [...(free.tensors[i] as Tensor).values];
      const last = right.length - width;
      const wanted = stage === 'result_output' ? right.map((value, at) => (at < last ? value : 2 * value)) : right;
      expect([...values].map(String)).toEqual(wanted.map(String)); // doubling is exact, and NaN is NaN
    }
  });

  test('the token is chosen by its own logits, not by given ones', async () => {
    const opened = await open('logits');
    const free = await collect(opened, CUT);
    const zero = free.tensors.map((tensor) =>
      tensor.stage === 'result_output' ? { ...tensor, values: new Float32Array(tensor.values.length) } : tensor,
    );
    expect((await collect(opened, { ...CUT, from: stream(zero) })).generated).toEqual(free.generated);
  });

  test('an id that names no expert is not put there, and llama.cpp goes on', async () => {
    const model = join(directory, 'experts.gguf');
    writeFileSync(model, writeGguf(tinyArchitecture('gpt-oss', randomFrom(5))).bytes);
    reference = await openReference({ model, mode: 'native' });
    const run = { tokens: [1, 5, 9], steps: 0, stages: 'all' } satisfies RunOptions;
    const free = await collect(reference, run);
    const ids = free.tensors.find(({ stage, layer }) => stage === 'ffn_moe_topk' && layer === 1) as Tensor;
    for (const wrong of [77, -1, 0.5, Number.NaN]) {
      const values = ids.values.slice();
      values[1] = wrong;
      const forced = await collect(reference, { ...run, from: stream([{ ...ids, values }]) });
      expect(differing(forced.tensors, free.tensors), String(wrong)).toEqual([]);
      expect(forced.notes.join()).toContain(`ffn_moe_topk has ids such as ${wrong} that are none of the`);
    }
    const values = ids.values.map((_, i) => ids.values[i ^ 1] as number); // the same experts in another order
    const exchanged = await collect(reference, { ...run, from: stream([{ ...ids, values }]) });
    expect(differing(exchanged.tensors, free.tensors)).toContain(key({ ...ids, stage: 'ffn_moe_weights' }));
    expect(exchanged.notes).toEqual([]);
  });

  test('that nothing fits are told', async () => {
    const opened = await open('unused');
    const free = await collect(opened, CUT);
    const renamed = free.tensors.map((tensor) => (tensor.stage === 'ffn_up' ? { ...tensor, stage: 'mlp' } : tensor));
    const own = await collect(opened, { ...CUT, from: stream(renamed) });
    expect(own.notes).toEqual(['rows of mlp were given, and this run has no such stage']);
    expect(own.tensors.map(key)).toEqual(free.tensors.filter(({ stage }) => stage !== 'ffn_up').map(key));
  });
});

describe('the stream of given rows', () => {
  test('may be what is compared, and larger than every pipe', async () => {
    const opened = await open('large', { embd: 256, ff: 1024, layers: 4 });
    const plan = { tokens: Array.from({ length: 200 }, (_, i) => i % 250), steps: 1, forcedTokens: [3] };
    const other = await openReference({ model: join(directory, 'large.gguf'), mode: 'native' });
    try {
      const [compared, from] = tee(other.run(plan).tensors);
      const wanted = compared[Symbol.asyncIterator]();
      let bytes = 0;
      for await (const tensor of opened.run({ ...plan, from }).tensors) {
        const { value } = await wanted.next();
        expect(Buffer.compare(bytesOf(tensor), bytesOf(value)), key(tensor)).toBe(0);
        bytes += tensor.values.byteLength;
      }
      expect((await wanted.next()).done).toBe(true);
      expect(bytes).toBeGreaterThan(20e6);
    } finally {
      await other.close();
    }
  });

  test('is left at the end of the run, also where there is more of it', async () => {
    const opened = await open('left');
    const free = await collect(opened, CUT);
    const ended: string[] = [];
    await collect(opened, { ...CUT, from: stream(free.tensors, ended) });
    await collect(opened, { ...CUT, steps: 0, forcedTokens: [], from: stream(free.tensors, ended) });
    for await (const _ of opened.run({ ...CUT, from: stream(free.tensors, ended) }).tensors) break;
    expect(ended).toEqual(['left', 'left', 'left']);
    const own = await collect(opened, { ...CUT, from: stream(free.tensors) });
    expect(differing(own.tensors, free.tensors)).toEqual([]);
  });

  test('what goes wrong in it ends the run with that error, and the reference goes on', async () => {
    const opened = await open('breaks');
    const free = await collect(opened, CUT);
    const broken = new Error('the other engine is gone');
    async function* breaks() {
      yield* free.tensors.slice(0, 30);
      throw broken;
    }
    const run = opened.run({ ...CUT, from: breaks() });
    await expect(
      (async () => {
        for await (const _ of run.tensors);
      })(),
    ).rejects.toBe(broken);
    await expect(run.result).rejects.toBe(broken);
    const own = await collect(opened, { ...CUT, from: stream(free.tensors) });
    expect(differing(own.tensors, free.tensors)).toEqual([]);
  });

  const mistakes: [string, (healthy: Tensor[]) => Tensor[], RunOptions, string, RegExp][] = [
    [
      'rows of another width',
      (healthy) =>
        healthy.map((tensor) =>
          key(tensor) === '0/1/q_rope/0' ? { ...tensor, width: 63, values: tensor.values.slice(0, 3 * 63) } : tensor,
        ),
      CUT,
      'from-width',
      /q_rope of layer 1: the given rows have 63 values each, and this run's own have 64/,
    ],
    [
      'rows of other positions',
      (healthy) => healthy,
      { ...CUT, ubatch: 7 },
      'from-positions',
      /embd: the given rows are of the positions 0 to 2, and this run evaluates 0 to 6 at once/,
    ],
  ];
  for (const [what, change, options, code, message] of mistakes) {
    test(`${what} are refused, and the reference goes on`, async () => {
      const opened = await open('refused');
      const free = await collect(opened, CUT);
      const ended: string[] = [];
      const from = stream(change(free.tensors), ended);
      await expect(collect(opened, { ...options, from })).rejects.toMatchObject({
        name: 'LlamaCppError',
        code,
        message: expect.stringMatching(message),
      });
      expect(ended).toEqual(['left']);
      // what was not read of it does not come into the next run
      const own = await collect(opened, { ...CUT, from: stream(free.tensors) });
      expect(differing(own.tensors, free.tensors)).toEqual([]);
    });
  }

  test('that never goes on does not keep the process when it is closed or aborted', async () => {
    const controller = new AbortController();
    const model = writeTinyModel(join(directory, 'waits.gguf'));
    const other = await openReference({ model, mode: 'native', signal: controller.signal });
    async function* waits(): AsyncGenerator<Tensor> {
      await new Promise(() => {});
    }
    const run = collect(other, { ...CUT, from: waits() });
    setTimeout(() => controller.abort(), 200);
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    await other.close();
  });
});
