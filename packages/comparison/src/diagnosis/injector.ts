import type { Tensor } from '@llama-probe/dump';
import type { Place } from '@llama-probe/dump/stage';
import type { Engine, EngineRun, Hook, RecordedSoFar, RunOptions, StageAt } from '@llama-probe/engine';
import { argmax } from '@llama-probe/oracle';
import type { RunLength } from './computing.js';
import { type Computing, type Injected, InjectedRun, type Injection, keepCached } from './injected-run.js';
import { KvRows } from './kv-rows.js';

/**
 * Runs an engine as if it had catalogued bugs: each stage that a bug is of is computed by the oracle, with the bug in it, from what
 * the run itself has made of the stage's inputs.
 *
 * @example new Injector([{ bug }], async () => ({ model: caseModel(engine.file, engine.config), graph })).run(engine, { tokens, hook })
 */
export class Injector {
  /** @param injected what becomes of the bugs is told there */
  constructor(
    private readonly injections: readonly Injection[],
    private readonly computing: (run: RunLength) => Promise<Computing>,
    private readonly injected: Injected = new Map(),
  ) {}

  /** As `engine.run`. What only the injection needs to see is not passed on. */
  run(engine: Engine, options: RunOptions): EngineRun {
    const run = this.computing(options).then((computing) => this.runWith(computing, engine, options));
    const result = run.then(({ result }) => result);
    result.catch(() => {}); // who reads the tensors is told as well
    return {
      tensors: (async function* () {
        yield* (await run).tensors;
      })(),
      result,
    };
  }

  private runWith(computing: Computing, engine: Engine, options: RunOptions): EngineRun {
    const { hook = { record: () => false }, tokens, forcedTokens = [] } = options;
    const ids = [...tokens, ...forcedTokens]; // as far as they are known
    const wanted = new Set<number>();
    const kv = new KvRows(computing.graph.cachedNames);
    const bugs = new InjectedRun(computing, this.injections, this.injected);
    const injecting: Hook = {
      ...hook,
      record: (at) => {
        if (hook.record(at)) wanted.add(at.order);
        return wanted.has(at.order) || at.stage === 'result_output' || bugs.needs(at);
      },
      inject: (at) =>
        bugs.mayChange(at) ? (recorded) => wrong(bugs, computing, at, recorded, kv, ids) : hook.inject?.(at),
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
}

function wrong(
  bugs: InjectedRun,
  computing: Computing,
  at: StageAt,
  recorded: RecordedSoFar,
  kv: KvRows,
  ids: readonly number[],
): Float32Array | undefined {
  keepCached(kv, computing, at, ({ stage, layer }) => recorded.get(stage, layer));
  return bugs.rows(at, at, { ids, kv, rowsOf: ({ stage, layer }: Place) => recorded.get(stage, layer)?.values });
}
