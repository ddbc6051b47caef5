import type { Tensor } from '@llama-probe/dump';
import { type Graph, llamaGraph, type Place } from '@llama-probe/dump/stage';
import type { Engine, EngineRun, Hook, RecordedSoFar, RunOptions, StageAt } from '@llama-probe/engine';
import { argmax, type Bug, type CaseModel, computeStage } from '@llama-probe/oracle';
import { UsageError } from '../errors.js';
import { KvRows } from './kv-rows.js';
import { relativeDelta } from './relative-delta.js';
import { scoresBehind, stageCase } from './stage-case.js';

/** A catalogued bug to put into a run, in one layer or wherever it can be. */
export interface Injection {
  readonly bug: Bug;
  /** null for the model-wide stages; wherever it can be where undefined. */
  readonly layer?: number | null | undefined;
}

/**
 * Runs an engine as if it had catalogued bugs: each stage that a bug is of is computed by the oracle, with the bug in it, from what
 * the run itself has made of the stage's inputs.
 *
 * @example new Injector([{ bug }], caseModel(engine.file, engine.config)).run(engine, { tokens, hook })
 */
export class Injector {
  /** The bugs that there was something to apply to. */
  readonly applied = new Set<Bug>();
  /** How far each has moved a stage at the most: the relative RMS delta of the stage with it and without it. Measured if that was asked for. */
  readonly moved = new Map<Injection, number>();

  /** @param measures whether each stage is computed without the bug too */
  constructor(
    readonly injections: readonly Injection[],
    private readonly model: CaseModel,
    private readonly graph: Graph = llamaGraph({ layers: model.layers }),
    private readonly measures = false,
  ) {}

  /** As `engine.run`. What only the injection needs to see is not passed on. */
  run(engine: Engine, options: RunOptions): EngineRun {
    const { hook = { record: () => false }, tokens, forcedTokens = [] } = options;
    const ids = [...tokens, ...forcedTokens]; // as far as they are known
    const wanted = new Set<number>();
    const kv = new KvRows(this.graph.cachedNames);
    const injecting: Hook = {
      ...hook,
      record: (at) => {
        if (hook.record(at)) wanted.add(at.order);
        return wanted.has(at.order) || at.stage === 'result_output' || this.isInput(at);
      },
      inject: (at) => {
        const injection = this.injectionAt(at);
        return injection ? (recorded) => this.wrong(injection, at, recorded, kv, ids) : hook.inject?.(at);
      },
    };
    const run = engine.run({ ...options, hook: injecting });
    async function* only(): AsyncGenerator<Tensor> {
      for await (const tensor of run.tensors) {
        const last = tokens.length - 1 + tensor.step;
        if (tensor.stage === 'result_output' && tensor.positions.at(-1) === last)
          ids[tokens.length + tensor.step] ??= argmax(tensor.values.subarray(-tensor.width));
        if (wanted.has(tensor.order)) yield tensor;
      }
    }
    return { tensors: only(), result: run.result };
  }

  /** @throws UsageError for a bug that has changed nothing: the model has no such tensor, or the run no such step */
  refuseUnused(): void {
    const unused = this.injections.find(({ bug }) => !this.applied.has(bug));
    if (!unused) return;
    const { id, title, needs } = unused.bug;
    throw new UsageError(
      `--inject: ${id} ("${title}") has nothing to change in this model and run${needs ? `; it needs ${needs}` : ''}. Choose another, or another model, type or prompt.`,
    );
  }

  private injectionAt({ stage, layer }: Place): Injection | undefined {
    return this.injections.find(
      (one) => one.bug.stages.includes(stage) && (one.layer === undefined || one.layer === layer),
    );
  }

  /** Whether an injected stage of this or a later layer is computed from it. */
  private isInput(at: StageAt): boolean {
    return this.injections.some(({ bug }) =>
      bug.stages.some((stage) => {
        const layer = at.stage === 'embd' ? 0 : at.layer;
        const readers: Place[] = [
          { stage, layer },
          { stage, layer: layer === null ? null : layer + 1 },
          { stage, layer: null },
        ];
        return readers.some(
          (place) =>
            this.injectionAt(place)?.bug === bug && sourcesOf(place, this.graph).some((one) => one.stage === at.stage),
        );
      }),
    );
  }

  private wrong(
    injection: Injection,
    at: StageAt,
    recorded: RecordedSoFar,
    kv: KvRows,
    ids: readonly number[],
  ): Float32Array {
    const { bug } = injection;
    for (const stage of this.graph.cachedNames) {
      const rows = recorded.get(stage, at.layer);
      if (rows) kv.add(rows, at.firstPosition, rows.width, rows.values);
    }
    const rowsOf = ({ stage, layer }: Place) => recorded.get(stage, layer)?.values;
    const found = stageCase(at, at, { model: this.model, graph: this.graph, ids, kv, rowsOf });
    if (!found) throw new Error(`${at.stage} of layer ${at.layer}: the inputs of an injected stage were not recorded`);
    const variation = bug.example(found);
    if (!variation) return Float32Array.from(computeStage(found));
    this.applied.add(bug);
    const values = Float32Array.from(computeStage(found, variation));
    if (this.measures) {
      const delta = relativeDelta(values, Float32Array.from(computeStage(found)));
      const most = Math.max(Number.isNaN(delta) ? Number.POSITIVE_INFINITY : delta, this.moved.get(injection) ?? 0);
      this.moved.set(injection, most);
    }
    return values;
  }
}

/** What a case of a stage may want to know. */
function sourcesOf(place: Place, graph: Graph): Place[] {
  const direct = graph.inputsOf(place);
  const cached = graph.cachedInputOf(place);
  return [...direct, ...(cached ? [cached] : []), ...(scoresBehind(place, graph)?.inputs ?? [])];
}
