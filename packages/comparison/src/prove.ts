import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Comparison, compare, describe, type Floors, type LimitRule } from '@llama-probe/diff';
import { DumpWriter, openDump, type Tensor } from '@llama-probe/dump';
import { stageKey } from '@llama-probe/dump/stage';
import type { GgufFile } from '@llama-probe/engine';
import { openReference, type Reference } from '@llama-probe/reference';
import { judgedRun } from './floors/judged.js';
import type { Progress } from './progress.js';
import { allTokens } from './side.js';
import { llamaSide } from './sides/llama.js';

/** One thing that was tried, and what came of it. */
export interface Proof {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const PROMPT = 'Hello, my friend! What is 2 plus 3?';
const STEPS = 2;

/**
 * Shows on a known-good pair that the verdict can be believed: that it says `agree` of what is the same, and never of what is not.
 *
 * @example (await prove(await openGguf(BUNDLED_MODEL), progress, signal)).every(({ ok }) => ok)
 */
export async function prove(file: GgufFile, progress: Progress, signal: AbortSignal): Promise<Proof[]> {
  const reference = await openReference({ model: file.path, mode: 'exact', signal, onProgress: progress.say });
  try {
    const tokens = await reference.tokenize(PROMPT);
    progress.say('proving: llama.cpp against itself');
    const free = await collect(reference.run({ tokens, steps: STEPS, stages: [], logits: true }).tensors);
    const run = { tokens, steps: STEPS, forcedTokens: chosen(free) };
    const side = llamaSide(reference, file, { mode: 'exact', why: 'asked for' });
    const judged = await judgedRun(side, run, {}, progress.say, signal);
    const own = await collect(judged.tensors);
    const pair = new Pair(own, allTokens(run), judged.rule, judged.floors);
    return [
      await sameTwice(reference, run, pair),
      callbackChangesNothing(free, own),
      await sameDumps(pair),
      await valuesAreFound(pair.prompt(), progress),
      ...(await neverAgree(pair)),
    ];
  } finally {
    await reference.close();
  }
}

/** A run of the reference, to be compared with changed copies of itself. */
class Pair {
  constructor(
    readonly own: readonly Tensor[],
    readonly tokens: readonly number[],
    readonly rule: LimitRule,
    readonly floors: Pick<Floors, 'get'>,
  ) {}

  against(
    candidate: readonly Tensor[] | AsyncIterable<Tensor>,
    { tokens = this.tokens, rule = this.rule, floors = this.floors } = {},
  ): Promise<Comparison> {
    const theirs = Symbol.asyncIterator in candidate ? candidate : stream(candidate);
    return compare(theirs, stream(this.own), { rule, floors, tokens: { candidate: tokens, reference: this.tokens } });
  }

  /** The run without what it decodes. */
  prompt(): Pair {
    const own = this.own.filter(({ step }) => step === 0);
    return new Pair(own, this.tokens.slice(0, this.tokens.length - STEPS), this.rule, this.floors);
  }
}

async function sameTwice(reference: Reference, run: Parameters<Reference['run']>[0], pair: Pair): Promise<Proof> {
  const again = await pair.against(reference.run(run).tensors, { rule: { margin: 0, minimum: 0 }, floors: new Map() });
  const other = again.stages.filter(({ maxAbs }) => maxAbs !== 0).length;
  return {
    name: 'llama.cpp against itself is exactly zero',
    ok: again.verdict === 'agree' && other === 0,
    detail: `${again.stages.length} stages, ${other} of them with a difference`,
  };
}

function callbackChangesNothing(free: readonly Tensor[], own: readonly Tensor[]): Proof {
  const watched = own.filter(({ stage }) => stage === 'result_output').map(lastRow);
  const bits = (row: Float32Array | undefined) =>
    row ? Buffer.from(row.buffer, row.byteOffset, row.byteLength) : Buffer.of();
  const same = free.filter((tensor, i) => bits(lastRow(tensor)).equals(bits(watched[i]))).length;
  return {
    name: 'llama.cpp computes the same logits, bit for bit, when it is watched',
    ok: same === STEPS + 1 && watched.length === same,
    detail: `${same} of ${STEPS + 1} rows`,
  };
}

async function sameDumps({ own, tokens, rule, floors }: Pair): Promise<Proof> {
  const directory = await mkdtemp(join(tmpdir(), 'llama-probe-'));
  try {
    const paths = ['a.arrow', 'b.arrow'].map((name) => join(directory, name));
    for (const path of paths) {
      const writer = new DumpWriter(path);
      for (const tensor of own) writer.write(tensor);
      writer.close({ producer: { name: 'llama-probe', version: '' }, tokens: [...tokens] });
    }
    const [a, b] = (await Promise.all(paths.map((path) => openDump(path)))) as [
      Awaited<ReturnType<typeof openDump>>,
      Awaited<ReturnType<typeof openDump>>,
    ];
    const both = { candidate: a.metadata.tokens, reference: b.metadata.tokens };
    const { verdict, stages } = await compare(a.tensors(), b.tensors(), { rule, floors, tokens: both });
    await Promise.all([a.close(), b.close()]);
    return {
      name: 'two identical dumps agree',
      ok: verdict === 'agree',
      detail: `${stages.length} stages: ${verdict}`,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** One value of one stage, changed by 1 % of the stage's RMS, for every stage. */
async function valuesAreFound(pair: Pair, progress: Progress): Promise<Proof> {
  const missed: string[] = [];
  const { own } = pair;
  for (const [tried, tensor] of own.entries()) {
    progress.say(`proving: one wrong value in stage ${tried + 1} of ${own.length}`);
    const { changed, token } = changeOneValue(tensor, tried);
    const { first } = await pair.against(own.map((one) => (one === tensor ? changed : one)));
    if (!first || stageKey(first) !== stageKey(tensor) || first.token !== token) missed.push(describe(tensor));
  }
  return {
    name: "one value off by 1 % of its stage's RMS is found at that stage and token",
    ok: missed.length === 0,
    detail: `${own.length - missed.length} of ${own.length} stages${missed.length > 0 ? `, not in ${missed.join(', ')}` : ''}`,
  };
}

/** @param seed which value: another one for each stage */
function changeOneValue(tensor: Tensor, seed: number): { changed: Tensor; token: number } {
  const values = Float32Array.from(tensor.values);
  const finite = [...values.keys()].filter((i) => Number.isFinite(values[i]));
  const rms = Math.sqrt(finite.reduce((sum, i) => sum + (values[i] as number) ** 2, 0) / finite.length);
  const at = finite[(seed * 7919) % finite.length] as number;
  values[at] = (values[at] as number) + 0.01 * rms;
  return { changed: { ...tensor, values }, token: tensor.positions[Math.floor(at / tensor.width)] as number };
}

/** What is not the same must not agree. */
async function neverAgree(pair: Pair): Promise<Proof[]> {
  const { own, tokens } = pair;
  const all = (value: (x: number) => number) => own.map((tensor) => ({ ...tensor, values: tensor.values.map(value) }));
  const is = (stage: string, layer: number) => (tensor: Tensor) => tensor.stage === stage && tensor.layer === layer;
  const swapped = new Map([
    ['ffn_gate', 'ffn_up'],
    ['ffn_up', 'ffn_gate'],
  ]);
  const cases: { what: string; candidate: readonly Tensor[]; tokens?: readonly number[] }[] = [
    { what: 'with a stage missing', candidate: own.filter((tensor) => !is('kq', 1)(tensor)) },
    { what: 'with a step missing', candidate: own.filter(({ step }) => step !== STEPS) },
    {
      what: 'with two stages exchanged',
      candidate: own.map((tensor) => ({ ...tensor, stage: swapped.get(tensor.stage) ?? tensor.stage })),
    },
    {
      what: 'with a stage evaluated before its input',
      candidate: own.map((tensor) => (is('attn_out', 1)(tensor) ? { ...tensor, order: -1 } : tensor)),
    },
    {
      what: 'with its rows in another order',
      candidate: own.map((tensor) => (tensor.stage === 'embd' && tensor.step === 0 ? reversed(tensor) : tensor)),
    },
    { what: 'of other tokens', candidate: own, tokens: tokens.with(1, (tokens[1] as number) + 1) },
    { what: 'of fewer tokens', candidate: own, tokens: tokens.slice(0, -1) },
    { what: 'of zeros', candidate: all(() => 0) },
    { what: 'of NaN', candidate: all(() => Number.NaN) },
    { what: 'that is empty', candidate: [] },
  ];
  const proofs: Proof[] = [];
  for (const { what, candidate, ...other } of cases) {
    const { verdict } = await pair.against(candidate, other);
    proofs.push({ name: `a run ${what} never agrees`, ok: verdict !== 'agree', detail: verdict });
  }
  return proofs;
}

function reversed(tensor: Tensor): Tensor {
  const rows = [...tensor.positions.keys()].map((row) =>
    tensor.values.subarray(row * tensor.width, (row + 1) * tensor.width),
  );
  return { ...tensor, values: Float32Array.from(rows.reverse().flatMap((row) => [...row])) };
}

const lastRow = ({ values, width }: Tensor): Float32Array => values.subarray(-width);

/** The greedy choices after the prompt and each step but the last. */
function chosen(logits: readonly Tensor[]): number[] {
  return logits.slice(0, STEPS).map((tensor) => {
    const row = lastRow(tensor);
    return row.reduce((best, value, id) => (value > (row[best] as number) ? id : best), 0);
  });
}

async function* stream(tensors: readonly Tensor[]): AsyncGenerator<Tensor> {
  yield* tensors;
}

async function collect(tensors: AsyncIterable<Tensor>): Promise<Tensor[]> {
  const all: Tensor[] = [];
  for await (const tensor of tensors) all.push(tensor);
  return all;
}
