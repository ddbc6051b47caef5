import {
  type Comparison,
  compare,
  type Explained,
  explain,
  type Floor,
  type LimitRule,
  measureFloors,
} from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import { llamaGraph, stageKey } from '@llama-probe/dump/stage';
import type { Engine } from '@llama-probe/engine';
import { type Bug, CATALOGUE, type CaseModel, computeStage, type Diagnosis, diagnose } from '@llama-probe/oracle';
import type { Reference } from '@llama-probe/reference';
import { collectCases, type SickCase, wentOnFrom } from './collect.js';
import { Injector } from './injector.js';

/** One bug, put into one layer of a healthy run. */
export interface Trial {
  readonly id: string;
  /** null where it was put into the model-wide stages. */
  readonly layer: number | null;
  readonly run: 'free' | 'teacher-forced';
  /** `unseen`: it changed nothing by more than the limits allow, so there was nothing to find. */
  readonly found: 'right' | 'wrong' | 'unseen';
  /** The place that was found first. */
  readonly at: string | null;
  /** `first`; `tied` where other bugs compute the same from these inputs and one of them is named; `no`. */
  readonly named: 'first' | 'tied' | 'no' | null;
  readonly confidence: Diagnosis['confidence'] | null;
  readonly name: string | null;
}

export interface MatrixOptions {
  readonly engine: Engine;
  readonly model: CaseModel;
  /** A healthy run of the reference, and of another build for its floors. */
  readonly reference: Reference;
  readonly other: Reference | undefined;
  readonly rule: LimitRule;
  readonly tokens: readonly number[];
  readonly steps: number;
  /** Which bugs; all of them unless given. */
  readonly ids?: readonly string[] | undefined;
  readonly onProgress: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Puts each catalogued bug into each of some layers of a healthy run, free and blamed: is it found at its stage, and named?
 *
 * @example for await (const trial of runMatrix(options)) console.log(trial.id, trial.found, trial.named);
 */
export async function* runMatrix(options: MatrixOptions): AsyncGenerator<Trial> {
  const healthy = await Healthy.capture(options);
  const entries = CATALOGUE.filter(
    ({ id, stages }) => !stages.includes('tokens') && (options.ids?.includes(id) ?? true),
  );
  const last = options.model.layers - 1;
  const layers = [...new Set([0, Math.ceil(last / 2), last])];
  const { graph } = healthy.source;
  const isInLayers = (stage: string) => graph.isInLayers(stage);
  for (const [done, bug] of entries.entries()) {
    const places = [...(bug.stages.some(isInLayers) ? layers : []), ...(bug.stages.every(isInLayers) ? [] : [null])];
    for (const layer of places) {
      options.signal.throwIfAborted();
      options.onProgress(
        `${bug.id} (${done + 1} of ${entries.length}) in ${layer === null ? 'the whole model' : `layer ${layer}`}`,
      );
      yield* trials(healthy, bug, layer, options);
    }
  }
}

async function* trials(
  healthy: Healthy,
  bug: Bug,
  layer: number | null,
  options: MatrixOptions,
): AsyncGenerator<Trial> {
  const { engine, model } = options;
  const injector = new Injector([{ bug, layer }], model);
  const plan = healthy.plan;
  const isThere = (at: { stage: string; layer: number | null }) => bug.stages.includes(at.stage) && at.layer === layer;

  const own: Tensor[] = [];
  const keep = async function* (tensors: AsyncIterable<Tensor>) {
    for await (const tensor of tensors) {
      own.push(tensor);
      yield tensor;
    }
  };
  const free = await healthy.compare(keep(injector.run(engine, { ...plan, hook: { record: () => true } }).tensors));
  const blameRun = () =>
    injector.run(engine, { ...plan, hook: { record: () => true }, from: healthy.stream() }).tensors;
  const sick: Tensor[] = [];
  const keepSick = async function* () {
    for await (const tensor of blameRun()) {
      if (isThere(tensor)) sick.push(tensor);
      yield tensor;
    }
  };
  const blamed = await healthy.compare(keepSick());
  const explained = explain(free, blamed);
  const seen = sick.some((tensor) => healthy.isChanged(tensor));

  const base = { id: bug.id, layer };
  const freeAt = free.first;
  yield {
    ...base,
    run: 'free',
    ...(await judgeTrial(seen, freeAt !== null && isThere(freeAt), freeAt, bug, async () => {
      const stage = freeAt && free.stages.find((one) => stageKey(one) === stageKey(freeAt));
      const [found] = stage ? await collectCases([stage], stream(own), wentOnFrom(stream(own)), healthy.source) : [];
      return found && { ...found, right: Float32Array.from(computeStage(found.case)) };
    })),
  };
  const [fault] = explained.faults;
  yield {
    ...base,
    run: 'teacher-forced',
    ...(await judgeTrial(seen, explained.faults.every(isThere), fault ?? null, bug, async () => {
      const [found] = fault
        ? await collectCases([fault], stream(sick), wentOnFrom(healthy.stream()), healthy.source)
        : [];
      return found;
    })),
  };
}

async function judgeTrial(
  seen: boolean,
  right: boolean,
  at: Explained['first'],
  bug: Bug,
  collect: () => Promise<SickCase | undefined>,
): Promise<Pick<Trial, 'found' | 'at' | 'named' | 'confidence' | 'name'>> {
  if (!seen) return { found: 'unseen', at: null, named: null, confidence: null, name: null };
  const place = at && stageKey(at);
  if (!right || !at) return { found: 'wrong', at: place, named: 'no', confidence: null, name: null };
  const sick = await collect();
  if (!sick) return { found: 'right', at: place, named: 'no', confidence: null, name: null };
  const { confidence, candidates, indistinguishable } = await diagnose(sick.case, sick.sick, sick.right, {
    limits: sick.fault.limits,
  });
  const name = confidence === 'unknown' ? null : (candidates[0]?.id ?? null);
  const named = name === bug.id ? 'first' : name !== null && indistinguishable.includes(bug.id) ? 'tied' : 'no';
  return { found: 'right', at: place, named, confidence, name };
}

/** What every trial is compared with, kept in memory: llama.cpp runs once. */
class Healthy {
  private constructor(
    readonly plan: {
      readonly tokens: readonly number[];
      readonly steps: number;
      readonly forcedTokens: readonly number[];
      readonly ubatch: number;
    },
    readonly ids: readonly number[],
    private readonly tensors: readonly Tensor[],
    private readonly floors: ReadonlyMap<string, Floor>,
    private readonly options: MatrixOptions,
  ) {}

  static async capture(options: MatrixOptions): Promise<Healthy> {
    const { reference, other, tokens, steps } = options;
    options.onProgress('llama.cpp runs');
    const { generated } = await reference.run({ tokens, steps, stages: [] }).result;
    const plan = { tokens, steps, forcedTokens: generated.slice(0, steps), ubatch: tokens.length };
    const floors = new Map<string, Floor>();
    const run = reference.run(plan).tensors;
    const tensors: Tensor[] = [];
    for await (const tensor of other ? measureFloors(run, other.run(plan).tensors, floors) : run) tensors.push(tensor);
    return new Healthy(plan, [...tokens, ...plan.forcedTokens], tensors, floors, options);
  }

  /** What cases are made with. */
  get source() {
    const { model } = this.options;
    return { model, graph: llamaGraph({ layers: model.layers }), ids: this.ids };
  }

  stream(): AsyncGenerator<Tensor> {
    return stream(this.tensors);
  }

  /** Whether rows are further from the right ones than their stage's limit; told without the comparison that is on trial. */
  isChanged({ values, ...at }: Tensor): boolean {
    const right = this.tensors.find((one) => stageKey(one) === stageKey(at))?.values;
    if (!right) return false;
    let [delta, size] = [0, 0];
    for (const [i, wanted] of right.entries()) {
      const value = values[i] as number;
      if (Number.isNaN(wanted)) continue; // what the mask hides
      if (!Number.isFinite(value)) return true;
      delta += (value - wanted) ** 2;
      size += wanted ** 2;
    }
    const { margin, minimum } = this.options.rule;
    const limit = Math.max(margin * (this.floors.get(stageKey(at))?.rel ?? 0), minimum);
    return delta > limit * limit * size;
  }

  compare(candidate: AsyncIterable<Tensor>, reference: AsyncIterable<Tensor> = this.stream()): Promise<Comparison> {
    const { engine, rule } = this.options;
    const heads = { heads: engine.config.headCount, headsKv: engine.config.headCountKv };
    return compare(candidate, reference, {
      rule,
      floors: this.floors,
      tokens: { candidate: this.ids, reference: this.ids },
      ...heads,
    });
  }
}

async function* stream(tensors: readonly Tensor[]): AsyncGenerator<Tensor> {
  yield* tensors;
}
