import { Graph, type GraphStage, type Place, placeKey, rowOfStage } from '@llama-probe/dump/stage';
import type { LlamaConfig } from './config.js';
import type { LlamaTensors, Model } from './model.js';
import type { Architecture } from './models/architecture.js';
import type { Operations } from './operations.js';
import { rowWidths, type State } from './state.js';

/** What the pass computes, read from the pass itself. */
export interface Trace {
  readonly graph: Graph;
  /** Which of the state's buffers has the rows of a stage. */
  readonly bufferOf: ReadonlyMap<string, keyof State>;
}

/** Which of ggml's operations each step is, and whether it computes in place. */
const STEPS: Readonly<Record<keyof Operations, { readonly op: string; readonly isInPlace?: true }>> = {
  getRows: { op: 'GET_ROWS' },
  rmsNorm: { op: 'RMS_NORM' },
  mul: { op: 'MUL', isInPlace: true },
  normQ: { op: 'RMS_NORM' },
  normK: { op: 'RMS_NORM' },
  mulQ: { op: 'MUL', isInPlace: true },
  mulK: { op: 'MUL', isInPlace: true },
  mulMat: { op: 'MUL_MAT' },
  addBias: { op: 'ADD', isInPlace: true },
  ropeQ: { op: 'ROPE', isInPlace: true },
  ropeK: { op: 'ROPE', isInPlace: true },
  store: { op: 'SET_ROWS' },
  kq: { op: 'MUL_MAT' },
  softMax: { op: 'SOFT_MAX', isInPlace: true },
  kqv: { op: 'MUL_MAT' },
  add: { op: 'ADD', isInPlace: true },
  scale: { op: 'SCALE', isInPlace: true },
  scaleQ: { op: 'SCALE', isInPlace: true },
  scaleLogits: { op: 'SCALE', isInPlace: true },
  heat: { op: 'MUL', isInPlace: true },
  capScores: { op: 'TANH', isInPlace: true },
  capLogits: { op: 'TANH', isInPlace: true },
  swiglu: { op: 'SWIGLU', isInPlace: true },
  swigluHalves: { op: 'SWIGLU' },
  geglu: { op: 'GEGLU', isInPlace: true },
  softMaxExperts: { op: 'SOFT_MAX', isInPlace: true },
  softMaxChosen: { op: 'SOFT_MAX', isInPlace: true },
  choose: { op: 'ARGSORT' },
  pick: { op: 'GET_ROWS' },
  share: { op: 'DIV', isInPlace: true },
  mulMatExperts: { op: 'MUL_MAT_ID' },
  mulMatDown: { op: 'MUL_MAT_ID' },
  addBiasExperts: { op: 'ADD_ID', isInPlace: true },
  swigluExperts: { op: 'SWIGLU', isInPlace: true },
  swigluOai: { op: 'SWIGLU_OAI', isInPlace: true },
  weigh: { op: 'MUL', isInPlace: true },
  sumExperts: { op: 'ADD' },
};

/** What lies in a buffer: computed from which stages, by which operations since, the last of them apart. */
interface Content {
  readonly from: readonly Place[];
  readonly cached?: Place | undefined;
  readonly through: readonly string[];
  readonly op?: string | undefined;
}

/**
 * The stages of a pass, and what each is computed from: forward() is run once with steps that compute nothing and note what they read and write.
 *
 * @param tensors of a layer it is only looked at which there are
 * @example trace(architectureOf('qwen3'), config, tensors).graph.names
 */
export function trace(
  { forward }: Pick<Architecture, 'forward'>,
  config: LlamaConfig,
  { blk }: Pick<LlamaTensors, 'blk'>,
): Trace {
  const names = Object.keys(rowWidths(config, 1)) as Array<keyof State>;
  const symbols = new Map(names.map((name) => [name, {} as GPUBuffer]));
  const nameOf = new Map([...symbols].map(([name, symbol]) => [symbol, name]));
  const cache = () => Array.from({ length: config.blockCount }, () => ({}) as GPUBuffer);
  const state = {
    ...Object.fromEntries(symbols),
    rotation: [],
    kCache: cache(),
    vCache: cache(),
  } as unknown as State;
  const contents = new Map<unknown, Content>();
  const stages: GraphStage[] = [];
  const bufferOf = new Map<string, keyof State>();

  const isCache = new Set<unknown>([...state.kCache, ...state.vCache]);
  const step = (name: keyof Operations) => {
    const { op, isInPlace } = STEPS[name];
    return (dst: unknown, ...args: unknown[]) => {
      const read = [...(isInPlace ? [dst] : []), ...args].flatMap((arg) => {
        const content = contents.get(arg);
        return content ? [{ content, isCache: isCache.has(arg) }] : [];
      });
      if (name === 'store') {
        const [rows] = read;
        if (rows) contents.set(dst, rows.content);
        return;
      }
      const cached =
        read.find((one) => one.isCache)?.content.from[0] ?? read.find(({ content }) => content.cached)?.content.cached;
      contents.set(dst, {
        from: unique(read.flatMap(({ content }) => content.from)),
        cached,
        through: [...new Set(read.flatMap(({ content }) => [...content.through, ...(content.op ? [content.op] : [])]))],
        op,
      });
    };
  };
  const steps = Object.fromEntries(Object.keys(STEPS).map((name) => [name, step(name as keyof Operations)]));
  const onStage = (stage: string, layer: number | null, rows: GPUBuffer): void => {
    const { from, cached, through, op = 'NONE' } = contents.get(rows) ?? { from: [], through: [] };
    const isSoftMax = stage === 'kq_soft_max';
    stages.push({
      stage,
      layer,
      op,
      inputs: from,
      ...(cached ? { cached } : {}),
      ...(through.length > 0 ? { through } : {}),
      ...(isSoftMax ? { mask: layer !== null && !config.seesAll ? ('causal' as const) : ('other' as const) } : {}),
      ...rowOfStage(stage),
    });
    bufferOf.set(stage, nameOf.get(rows) as keyof State);
    contents.set(rows, { from: [{ stage, layer }], through: [] });
  };
  for (const _ of forward(steps as unknown as Operations, { blk } as unknown as Model, state, onStage, config));
  const heads = { heads: config.headCount, headsKv: config.headCountKv };
  return { graph: new Graph(stages, heads, true), bufferOf };
}

const unique = (places: readonly Place[]): Place[] => [...new Map(places.map((at) => [placeKey(at), at])).values()];
