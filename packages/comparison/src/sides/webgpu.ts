import { isInVocabulary, llamaGraph } from '@llama-probe/dump';
import {
  type Engine,
  type EngineRun,
  type GgufFile,
  type Hook,
  isPlain,
  openEngine,
  type RunOptions,
} from '@llama-probe/engine';
import { computingOf } from '../diagnosis/computing.js';
import { parseInjections } from '../diagnosis/inject-option.js';
import type { Injected, Injection } from '../diagnosis/injected-run.js';
import { Injector } from '../diagnosis/injector.js';
import { possibleBugs, refuseUnused } from '../diagnosis/possible.js';
import { injectionName } from '../diagnosis/unmoved.js';
import { candidateMetadata } from '../metadata.js';
import { describeGraph } from '../model-graph.js';
import type { AdapterChoice } from '../options.js';
import type { Opening, RunPlan, Side, SideRun } from '../side.js';
import { VERSION } from '../version.js';
import { producedWith } from './with-bugs.js';

/** How the engine is opened. */
export interface WebgpuOptions extends Opening {
  /** The fastest that works (`auto`) without it. */
  readonly adapter?: AdapterChoice;
  /** Known bugs to put into its runs, such as `rope-halves@2`. */
  readonly inject?: string;
}

/**
 * llama-probe's own engine on a GGUF file.
 *
 * @throws ModelError for a model that it cannot compute, an error of the adapter, UsageError for an unknown bug
 * @example await using healthy = await webgpu('model.gguf');
 */
export async function webgpu(model: string, options: WebgpuOptions = {}): Promise<Side> {
  const { adapter = 'auto', inject, signal, progress } = options;
  const engine = await openEngine({
    model,
    adapter,
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { onProgress: progress.say }),
  });
  try {
    return webgpuSide(engine, parseInjections(inject, engine.config.blockCount));
  } catch (error) {
    engine.close();
    throw error;
  }
}

const STREAMED = 'its weights are uploaded layer by layer, in each pass anew';

/**
 * The same of what is open.
 *
 * @param injections the known bugs that are put into its runs @throws UsageError, of a run's result, where one of them changes nothing
 */
export function webgpuSide(engine: Engine, injections: readonly Injection[] = []): Side {
  const { config, file, adapter } = engine;
  const heads = { heads: config.headCount, headsKv: config.headCountKv };
  const graph = isPlain(file) ? llamaGraph({ layers: config.blockCount, ...heads }) : engine.graph;
  const described = isPlain(file) ? undefined : describeGraph(graph);
  const { unread } = engine;
  const notes = () => [...(unread.length > 0 ? [notRead(unread)] : []), ...(engine.isStreamed ? [STREAMED] : [])];
  const injected: Injected = new Map();
  const computing = computingOf(file, (place) => engine.graph.at(place) !== undefined, heads);
  const injector = injections.length > 0 ? new Injector(injections, computing, injected) : undefined;
  return {
    about: {
      name: 'llama-probe',
      version: VERSION,
      backend: `WebGPU, ${adapter.backend}`,
      adapter: adapter.name,
      injected: injections.map(injectionName),
      model: aboutFile(file, config.blockCount),
      heads,
      graph,
      get notes() {
        return notes();
      },
    },
    stages: engine.graph.names,
    canStartFrom: true,
    check: ({ tokens, steps = 0 }) => engine.check({ tokens, steps }),
    ubatch: (capacity) => engine.ubatch(capacity),
    run(plan): SideRun {
      const options = engineOptions(plan);
      const run: EngineRun = injector ? injector.run(engine, options) : engine.run(options);
      const result = run.result.then(async (found) => {
        const { tokens } = plan;
        const possible = async (computes: typeof computing) =>
          possibleBugs(
            engine.run({ tokens, hook: { record: () => true } }).tensors,
            await computes({ tokens }),
            tokens,
          );
        await refuseUnused(
          injections,
          injected,
          () => possible(computing),
          () => possible(computingOf(file, ({ stage }) => isInVocabulary(stage), heads)),
        );
        return found;
      });
      result.catch(() => {}); // who reads the tensors is told as well; not everybody awaits this
      return { tensors: run.tensors, result };
    },
    describe: async (about) => ({
      ...producedWith(injections.map(injectionName), await candidateMetadata(engine, about)),
      ...(described ? { graph: described } : {}),
    }),
    get memory() {
      return engine.memory;
    },
    file,
    ...(injector ? { injected } : {}),
    close: async () => engine.close(),
    [Symbol.asyncDispose]: async () => engine.close(),
  };
}

/** Which hyperparameters the engine has passed over. */
function notRead(keys: readonly string[]): string {
  const more = keys.length > 4 ? ` and ${keys.length - 4} more` : '';
  return `the file says what the engine does nothing with: ${keys.slice(0, 4).join(', ')}${more}`;
}

function engineOptions({ tokens, steps, forcedTokens, ubatch, stages, layers, from, signal }: RunPlan): RunOptions {
  return {
    tokens,
    ...(steps === undefined ? {} : { steps }),
    ...(forcedTokens === undefined ? {} : { forcedTokens: [...forcedTokens] }),
    ...(ubatch === undefined ? {} : { ubatch }),
    hook: recordOnly(stages, layers),
    ...(from === undefined ? {} : { from }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** A hook that records what is wanted and changes nothing. */
export function recordOnly(stages: RunPlan['stages'], layers: RunPlan['layers']): Hook {
  const names = typeof stages === 'object' ? new Set(stages) : undefined;
  const chosen = layers && new Set(layers);
  return {
    record: ({ stage, layer }) => (names?.has(stage) ?? true) && (layer === null || !chosen || chosen.has(layer)),
  };
}

/** What a GGUF file is. */
export function aboutFile({ path, bytes, metadata }: GgufFile, layers: number | undefined) {
  return { file: path, bytes, arch: String(metadata['general.architecture'] ?? 'unknown'), layers };
}
