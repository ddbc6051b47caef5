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
import { type Bug, byNumbers, type CaseModel, computeStage, diagnose } from '@llama-probe/oracle';
import type { Reference } from '@llama-probe/reference';
import { collectCases, type SickCase, wentOnFrom } from './collect.js';
import { Injector } from './injector.js';
import {
  aboutTrial,
  bugsToPut,
  isChanged,
  namedAs,
  type Outcome,
  someLayers,
  stream,
  type Trial,
  UNSEEN,
} from './trial.js';

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
  const entries = bugsToPut(options.ids);
  const layers = someLayers(options.model.layers - 1);
  const { graph } = healthy.source;
  const isInLayers = (stage: string) => graph.isInLayers(stage);
  for (const [done, bug] of entries.entries()) {
    const places = [...(bug.stages.some(isInLayers) ? layers : []), ...(bug.stages.every(isInLayers) ? [] : [null])];
    for (const layer of places) {
      options.signal.throwIfAborted();
      options.onProgress(aboutTrial(bug.id, layer, done, entries.length));
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
  const injector = new Injector([{ bug, layer }], async () => ({ model, graph: healthy.source.graph }));
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
): Promise<Outcome> {
  if (!seen) return UNSEEN;
  const place = at && stageKey(at);
  if (!right || !at) return { found: 'wrong', at: place, named: 'no', confidence: null, name: null };
  const sick = await collect();
  if (!sick) return { found: 'right', at: place, named: 'no', confidence: null, name: null };
  const diagnosis = await diagnose(sick.case, sick.sick, sick.right, { limits: sick.fault.limits });
  const numbers = byNumbers(sick.case, sick.sick, sick.right, { limits: sick.fault.limits });
  const said = numbers ? { byNumbers: numbers.text } : {};
  return { found: 'right', at: place, confidence: diagnosis.confidence, ...namedAs(bug, diagnosis), ...said };
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

  /** Whether a stage's rows are no longer the right ones. */
  isChanged({ values, ...at }: Tensor): boolean {
    const right = this.tensors.find((one) => stageKey(one) === stageKey(at))?.values;
    return right !== undefined && isChanged(values, right, this.floors.get(stageKey(at)), this.options.rule);
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
