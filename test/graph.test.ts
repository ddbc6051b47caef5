import { readFileSync, writeFileSync } from 'node:fs';
import { decodeGraph, type Tensor } from '@llama-probe/dump';
import { openReference, type RunOptions } from '@llama-probe/reference';
import { inShort, isLong, randomFrom, type TinyArchitecture, tinyArchitecture, writeGguf } from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Trial } from '../packages/comparison/src/diagnosis/trial.js';
import { hasOtherBuild } from './support/builds.js';
import { type Loaded, loadDump, writeDump } from './support/dumps.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

const TOKENS = [1, 40, 41, 26, 37, 43, 28, 41, 28, 40, 36, 27];

/** Stages whose rows are made wrong: alone, and two of which neither is computed from the other. */
const BROKEN: Readonly<
  Partial<Record<TinyArchitecture, { alone: readonly string[]; beside: readonly [string, string] }>>
> = {
  gemma3: { alone: ['Kcur_normed', 'attn_post_norm', 'ffn_up', 'v_proj'], beside: ['q_rope', 'v_proj'] },
  qwen3: { alone: ['q_rms', 'k_proj', 'ffn_inp', 'ffn_gate'], beside: ['Kcur_normed', 'q_proj'] },
  'gpt-oss': {
    alone: ['v_proj', 'attn_post_norm', 'ffn_moe_weights', 'ffn_moe_up'],
    beside: ['ffn_moe_gate', 'ffn_moe_up'],
  },
  olmo2: { alone: ['v_proj', 'attn_post_rms'], beside: ['ffn_gate', 'ffn_up'] },
  phi3: { alone: ['attn_out', 'ffn_inp'], beside: ['q_rope', 'k_rope'] },
  granite: { alone: ['attn_out', 'ffn_out'], beside: ['ffn_gate', 'ffn_up'] },
  starcoder2: { alone: ['attn_ln', 'ffn_norm_w'], beside: ['q_proj', 'v_proj'] },
};

/** Of the rotation, the scores, the softmax and the residual: what all of them have. One makes NaN of all that follows. */
const BUGS = ['rope-theta', 'gqa-tiled', 'attention-scale-missing', 'residual-twice', 'weight-type'];

interface Place {
  readonly stage: string;
  readonly layer: number | null;
}
interface Found {
  readonly reason: string;
  readonly faults: unknown;
  readonly stages: readonly (Place & {
    readonly verdict: string;
    readonly floor: number | null;
    readonly inherits: Place | null;
    readonly follows?: Place;
  })[];
}
const nameOf = ({ stage, layer }: Place): string => `${stage} of layer ${layer}`;

describe.each(inShort(Object.keys(BROKEN) as TinyArchitecture[], 3))('%s', (architecture) => {
  /** What one architecture shows of all: test/architectures.test.ts names bugs of each. */
  const isFirst = isLong || architecture === Object.keys(BROKEN)[0];
  const model = path(`graph-${architecture}.gguf`);
  const capture = path(`graph-${architecture}.arrow`);
  const { alone, beside } = BROKEN[architecture] ?? expect.fail('no stages');
  let healthy: Loaded;
  let llama: Awaited<ReturnType<typeof openReference>>;

  beforeAll(async () => {
    writeFileSync(model, writeGguf(tinyArchitecture(architecture, randomFrom(5))).bytes);
    const run = [
      '--from',
      'llama',
      '--reference',
      'exact',
      '--model',
      model,
      '--tokens',
      TOKENS.join(),
      '--steps',
      '0',
    ];
    expect((await probe(['capture', ...run, '--out', capture])).code).toBe(0);
    healthy = await loadDump(capture);
    llama = await openReference({ model, mode: 'exact' });
  });
  afterAll(() => llama?.close());

  async function ran(options: Partial<RunOptions>): Promise<Tensor[]> {
    const all: Tensor[] = [];
    const stages = [...new Set(healthy.tensors.map(({ stage }) => stage))];
    for await (const tensor of llama.run({ tokens: TOKENS, stages, ...options }).tensors)
      all.push({ ...tensor, values: tensor.values.slice() });
    return all;
  }

  /** The run in which these stages of a layer have other rows, from which it goes on. */
  async function ranWrong(stages: readonly string[], layer: number): Promise<Tensor[]> {
    const isWrong = (tensor: Tensor) => stages.includes(tensor.stage) && tensor.layer === layer;
    const own = (await ran({})).filter(isWrong);
    expect(own).toHaveLength(stages.length);
    // Not by a factor: a norm would take it away again.
    const wrong = own.map((tensor) => ({ ...tensor, values: tensor.values.map((x, i) => x + (i % 3 ? 0.3 : -0.2)) }));
    const from = (async function* () {
      yield* wrong;
    })();
    const key = ({ stage, layer }: Tensor) => `${stage} ${layer}`;
    const put = new Map(wrong.map((tensor) => [key(tensor), tensor]));
    return (await ran({ from })).map((tensor) => put.get(key(tensor)) ?? tensor);
  }

  const told = async (tensors: readonly Tensor[], also: Loaded = healthy, reference = capture) => {
    const candidate = writeDump(also, () => [...tensors]);
    const junit = path('told.xml');
    const { code, json } = await probeJson<Found>(['diff', candidate, reference, '--junit', junit]);
    expect(code).toBe(1);
    expect(json.faults).toBeNull();
    const wrong = json.stages.filter(({ verdict }) => verdict === 'diverged');
    const red = [...readFileSync(junit, 'utf8').matchAll(/<testcase [^>]*name="layer (\d+) (\w+)"[^>]*>\s*<failure/g)];
    return {
      ...json,
      wrong,
      roots: wrong.filter(({ follows }) => follows === undefined).map(nameOf),
      red: red.map(([, layer, stage = '']) => nameOf({ stage, layer: Number(layer) })),
    };
  };

  test('a dump says what each stage is computed from, in less room than a layer takes', () => {
    const { graph } = healthy.metadata;
    expect(JSON.stringify(graph).length).toBeLessThan(8192);
    const { stages } = decodeGraph(graph ?? expect.fail('no graph'));
    const captured = healthy.tensors.map(nameOf);
    // of nodes whose rows are not those of tokens there are no tensors
    expect(stages.map(nameOf)).toEqual(expect.arrayContaining(captured));
    expect(captured.filter((name) => /^norm/.test(name))).toEqual([]);
  });

  test('what must hold of a stage and what it is made of holds of a healthy run, and its graph says what that is', async () => {
    const { code, json } = await probeJson<{ broken: unknown[]; checked: Record<string, number> }>(['check', capture]);
    expect({ code, broken: json.broken }).toEqual({ code: 0, broken: [] });
    const { checked } = json;
    expect(checked['rope-norm']).toBe(2 * 2 * TOKENS.length);
    // what granite adds it multiplies first
    expect(checked.residual).toBe(architecture === 'granite' ? 0 : 2 * 2 * TOKENS.length);
    expect(checked['softmax-sum'] === 0, 'sinks').toBe(architecture === 'gpt-oss');
  });

  test.each(inShort(alone, 2))(
    '%s wrong: all else that is wrong is computed from it, which needs no model',
    async (stage) => {
      const { wrong, roots, red, reason } = await told(await ranWrong([stage], 0));
      expect(roots).toEqual([nameOf({ stage, layer: 0 })]);
      expect(red).toEqual(roots);
      expect(wrong.length).toBeGreaterThan(10);
      expect(wrong.slice(1).map(({ follows }) => follows)).toMatchObject(
        wrong.slice(1).map(() => ({ stage, layer: 0 })),
      );
      expect(reason).toContain(`The other ${wrong.length - 1} that diverged are computed from it.`);
    },
  );

  test.runIf(isFirst)('NaN is told where it begins, of an engine that never looks at what the mask hides', async () => {
    const [from, stage] = [3, 'v_proj'];
    const isIt = (tensor: Tensor) => tensor.stage === stage && tensor.layer === 0;
    const right = await ran({});
    const own = right.find(isIt) ?? expect.fail('no v_proj');
    own.values.fill(Number.NaN, from * own.width, (from + 1) * own.width);
    const given = (async function* () {
      yield own;
    })();
    // What llama.cpp makes of it, but for the tokens before: there 0 · NaN is NaN in llama.cpp.
    const wrong = (await ran({ from: given })).map((tensor, i) => {
      const before = right[i] ?? expect.fail('another run');
      const values = isIt(tensor) ? own.values : tensor.values.slice();
      if (!isIt(tensor)) values.set(before.values.subarray(0, from * tensor.width));
      return { ...tensor, values };
    });
    const candidate = writeDump(healthy, () => wrong);
    const { json } = await probeJson<Found>(['blame', candidate, '--model', model]);
    expect(json.faults).toMatchObject([{ stage, layer: 0, token: from }]);
    expect(json).toMatchObject({ headline: expect.stringMatching(/^Unknown bug, which makes NaN: v_proj, layer 0$/) });
  });

  test('with the model, it is the only one that is wrong from its inputs', async () => {
    const wrong = await ranWrong(['attn_out'], 0);
    const candidate = writeDump(healthy, () => wrong);
    const { json } = await probeJson<Found>(['diff', candidate, capture, '--model', model]);
    expect(json.faults).toMatchObject([{ stage: 'attn_out', layer: 0 }]);
  });

  test.runIf(isFirst)(
    'known bugs put into its own run are found where they are, as the only fault, and named',
    async () => {
      const { code, json } = await probeJson<{ trials: readonly Trial[] }>([
        ...['bugs', '--run', '--only', BUGS.join(), '--model', model],
      ]);
      expect(code, JSON.stringify(json.trials)).toBe(0);
      const seen = json.trials.filter(({ found }) => found !== 'unseen');
      expect(seen.map(({ found, named, run }) => [found, named, run])).toEqual(
        seen.map(() => ['right', 'first', 'teacher-forced']),
      );
      expect([...new Set(seen.map(({ id }) => id))].toSorted()).toEqual(BUGS.toSorted());
    },
  );

  test('two of which neither is computed from the other are two', async () => {
    const { roots, red, reason } = await told(await ranWrong(beside, 1));
    expect(red).toEqual(roots);
    expect(roots.toSorted()).toEqual(beside.map((stage) => nameOf({ stage, layer: 1 })).toSorted());
    expect(reason).toContain('2 stages are wrong with nothing wrong before them: ');
  });

  test('a dump from before norms had names of their own, and no graph, is held to one of today, floors and all', async () => {
    const names = new Map<string, number>();
    const unique = (place: Place) => {
      const count = (names.get(nameOf(place)) ?? 0) + 1;
      names.set(nameOf(place), count);
      return count === 1 ? place : { ...place, stage: `${place.stage}.${count}` };
    };
    const asBefore = ({ stage, layer }: Place): Place => {
      const isNorm = stage.endsWith('_rms') && !['attn_rms', 'ffn_rms', 'result_rms'].includes(stage);
      const isLost = stage.startsWith('ffn_post');
      return isNorm || isLost
        ? unique({ stage: isNorm ? 'norm' : stage, layer: isLost ? null : layer })
        : { stage, layer };
    };
    const old = healthy.tensors.map((tensor) => ({ ...tensor, ...asBefore(tensor) }));
    const { graph: _, floors = expect.fail('no floors'), ...metadata } = healthy.metadata;
    names.clear();
    const stages = Object.entries(floors.stages).map(([key, floor]) => {
      const [step, layer, stage = ''] = key.split('/');
      const place = asBefore({ stage, layer: layer === '-' ? null : Number(layer) });
      return [`${step}/${place.layer ?? '-'}/${place.stage}`, floor];
    });
    const measured = { ...floors, stages: Object.fromEntries(stages) };
    const reference = writeDump({ metadata: { ...metadata, floors: measured }, tensors: old }, (tensors) => tensors);
    const { code, json } = await probeJson<Found>(['diff', capture, reference]);
    expect(code, json.reason).toBe(0);
    expect(json.stages.map(nameOf)).toEqual(healthy.tensors.map(nameOf));
    if (hasOtherBuild) expect(json.stages.filter(({ floor }) => floor === null)).toEqual([]);
  });

  test('dumps that do not say it are told apart as little as before', async () => {
    const { graph: _, ...metadata } = healthy.metadata;
    const bare = { ...healthy, metadata };
    const reference = writeDump(bare, (tensors) => tensors);
    const { wrong, roots, reason } = await told(await ranWrong([alone[0] as string], 0), bare, reference);
    expect(roots).toEqual(wrong.map(nameOf));
    expect(reason).not.toContain('computed from');
  });
});
