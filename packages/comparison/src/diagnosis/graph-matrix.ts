import { type Floor, limitOf, measureFloors } from '@llama-probe/diff';
import { graphOfNodes, type Place, placeKey, stageKey, type Tensor } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import { type Bug, byNumbers, computeStage, GraphOperations } from '@llama-probe/oracle';
import { compare } from '../compare.js';
import { RULES } from '../floors/rules.js';
import type { Report } from '../report.js';
import type { Side } from '../side.js';
import { graphCaseModel } from './case-model.js';
import { collectCases, type SickCase, wentOnFrom } from './collect.js';
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

/** llama.cpp, whose rows are exact. */
export type LlamaSide = Side & Required<Pick<Side, 'operations'>> & { readonly file: GgufFile };

export interface GraphMatrixOptions {
  readonly side: LlamaSide;
  /** The same under another of its builds, for the floors. */
  readonly other: Side | undefined;
  readonly tokens: readonly number[];
  /** The stages that the candidate has; those of the vocabulary unless given. What is wrong is then found at the next of them. */
  readonly captured?: readonly string[] | undefined;
  /** Which bugs; all of them unless given. */
  readonly ids?: readonly string[] | undefined;
  readonly onProgress: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Puts each catalogued bug into some layers of llama.cpp's own run of a model of any architecture: rows that the oracle has computed with the bug are
 * put in the place of a stage's, and all that follows goes on from them. Is it found there, as the only fault, and named?
 *
 * A bug is put into the first stage of a layer that can have it, by llama.cpp's graph. The run is that of an engine which has the stages of the
 * vocabulary, so that what lies between two of them is computed on the way.
 *
 * @example for await (const trial of runGraphMatrix(options)) console.log(trial.id, trial.found, trial.named);
 */
export async function* runGraphMatrix(options: GraphMatrixOptions): AsyncGenerator<Trial> {
  const { ids, onProgress, signal } = options;
  onProgress('llama.cpp runs');
  const healthy = await Healthy.capture(options);
  const cases = await healthy.cases();
  const entries = bugsToPut(ids);
  const layers = [...someLayers(Math.max(...cases.map(({ fault }) => fault.layer ?? 0))), null];
  for (const [done, bug] of entries.entries()) {
    for (const layer of layers) {
      signal.throwIfAborted();
      const sick = firstOf(bug, layer, cases);
      if (!sick) continue;
      onProgress(aboutTrial(bug.id, layer, done, entries.length));
      yield await healthy.trial(bug, sick);
    }
  }
}

/** The first stage of a layer that can have a bug, with its rows. */
function firstOf(bug: Bug, layer: number | null, cases: readonly SickCase[]): SickCase | undefined {
  for (const one of cases) {
    if (one.fault.layer !== layer) continue;
    const variation = bug.example(one.case);
    if (variation) return { ...one, sick: Float32Array.from(computeStage(one.case, variation)) };
  }
  return undefined;
}

/** What every trial is compared with, kept in memory. */
class Healthy {
  private readonly run: { readonly tokens: readonly number[]; readonly steps: 0; readonly stages: readonly string[] };
  private readonly reference: Side;

  private constructor(
    private readonly options: GraphMatrixOptions,
    private readonly tensors: readonly Tensor[],
    private readonly floors: ReadonlyMap<string, Floor>,
  ) {
    const { side, tokens } = options;
    this.run = { tokens, steps: 0, stages: [...new Set(tensors.map(({ stage }) => stage))] };
    this.reference = {
      ...this.recorded(tensors),
      canStartFrom: true,
      operations: side.operations,
      file: side.file,
      floor: async () => ({ kind: 'known', method: 'another build of it', rule: RULES.exact, floors }),
      run: (plan) => (plan.from ? side.run(plan) : replayed(tensors)),
    };
  }

  static async capture(options: GraphMatrixOptions): Promise<Healthy> {
    const { side, other, tokens } = options;
    const floors = new Map<string, Floor>();
    const plan = { tokens, steps: 0 };
    const run = side.run(plan).tensors;
    const tensors: Tensor[] = [];
    for await (const tensor of other ? measureFloors(run, other.run(plan).tensors, floors) : run)
      tensors.push({ ...tensor, values: tensor.values.slice() });
    return new Healthy(options, tensors, floors);
  }

  /** Every stage that the oracle computes, as if it were to be diagnosed. */
  async cases(): Promise<SickCase[]> {
    const { side, tokens } = this.options;
    const has = ({ stage }: Place) => this.run.stages.includes(stage);
    const nodes = await side.operations({ tokens });
    const operations = new GraphOperations(nodes, has);
    const graph = graphOfNodes(nodes, has, side.about.heads);
    const model = graphCaseModel(side.file, operations);
    const stages = this.tensors.map(({ step, layer, stage }) => ({ step, layer, stage, token: null, limits: NONE }));
    const again = () => stream(this.tensors);
    return collectCases(stages, again(), wentOnFrom(again()), { model, graph, operations, ids: tokens });
  }

  async trial(bug: Bug, { fault: at, case: computed, sick, right }: SickCase): Promise<Trial> {
    const base = { id: bug.id, layer: at.layer, run: 'teacher-forced' as const };
    if (!isChanged(sick, right, this.floors.get(stageKey(at)), RULES.exact)) return { ...base, ...UNSEEN };
    const tensors = await this.ranWith(stageKey(at), sick);
    const { captured } = this.options;
    const seen = captured ? tensors.filter(({ stage }) => captured.includes(stage)) : tensors;
    const end = this.firstFrom(at, seen);
    const [ofEnd, rightOfEnd] = [seen, this.tensors].map((run) => run.find((one) => placeKey(one) === placeKey(end)));
    const isShown =
      ofEnd && rightOfEnd && isChanged(ofEnd.values, rightOfEnd.values, this.floors.get(stageKey(ofEnd)), RULES.exact);
    if (captured && !isShown) return { ...base, ...UNSEEN };
    const report = await compare(this.recorded(seen), this.reference, { blame: true }, { signal: this.options.signal });
    const outcome = judged(report, end, bug);
    const limits = limitOf(this.floors.get(stageKey(at)), RULES.exact);
    const numbers = captured || outcome.found !== 'right' ? undefined : byNumbers(computed, sick, right, { limits });
    return { ...base, ...outcome, ...(numbers ? { byNumbers: numbers.text } : {}) };
  }

  /** The first stage that a candidate has from a place on. */
  private firstFrom(at: Place, seen: readonly Tensor[]): Place {
    const begin = this.tensors.findIndex((tensor) => stageKey(tensor) === stageKey({ step: 0, ...at }));
    const later = new Set(this.tensors.slice(begin).map(stageKey));
    return seen.find((tensor) => later.has(stageKey(tensor))) ?? at;
  }

  /** llama.cpp's run from there on, which is an engine's with that bug. */
  private async ranWith(key: string, values: Float32Array): Promise<Tensor[]> {
    const given = this.tensors.filter((tensor) => stageKey(tensor) === key).map((tensor) => ({ ...tensor, values }));
    const ran: Tensor[] = [];
    for await (const tensor of this.options.side.run({ ...this.run, from: stream(given) }).tensors)
      ran.push({ ...tensor, values: stageKey(tensor) === key ? values : tensor.values.slice() });
    return ran;
  }

  /** A run that is over. */
  private recorded(tensors: readonly Tensor[]): Side {
    const { side, tokens } = this.options;
    return {
      about: { ...side.about, expects: undefined },
      recorded: { tokens, promptLength: async () => tokens.length },
      run: () => replayed(tensors),
      describe: (about) => side.describe(about),
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    };
  }
}

const NONE: Floor = { rel: 0, row: 0, value: 0 };

function judged({ faults }: Report, at: Place, bug: Bug): Outcome {
  const [first] = faults ?? [];
  const isRight = faults?.length === 1 && first?.stage === at.stage && first.layer === at.layer;
  const place = faults && faults.length > 0 ? faults.map(stageKey).join(' ') : null;
  const diagnosis = first?.diagnosis;
  const { name, named } = diagnosis ? namedAs(bug, diagnosis) : { name: null, named: 'no' as const };
  const confidence = diagnosis?.confidence ?? null;
  return { found: isRight ? 'right' : 'wrong', at: place, named: isRight ? named : 'no', confidence, name };
}

const replayed = (tensors: readonly Tensor[]) => ({
  tensors: stream(tensors),
  result: Promise.resolve({ generated: [] }),
});
