import type { PageData, PageFault, PageLook, PagePlace, PageRun, Pass } from '../src/data.js';
import { METRICS } from '../src/data.js';
import { floatsOf } from '../src/unpack.js';

/** What a stage is, in one word. */
export type State = 'agree' | 'near' | 'inherited' | 'over' | 'fault' | 'incomparable' | 'absent';

/** A run as the views read it: columns unpacked, and everything found by number or by key. */
export interface Run {
  readonly data: PageRun;
  readonly count: number;
  readonly rms: Float32Array;
  readonly rel: Float32Array;
  readonly floor: Float32Array;
  readonly limit: Float32Array;
  readonly ofLimit: Float32Array;
  readonly local: Float32Array;
  readonly steps: readonly number[];
  readonly layers: readonly number[];
  /** The names of the stages that layers have, in evaluation order. */
  readonly names: readonly string[];
  /** Whether a run from the reference's inputs was made. */
  readonly hasBlame: boolean;
  /** By `step/place`: the stage's number. */
  readonly byStep: ReadonlyMap<string, number>;
  /** Of each stage that is a fault. */
  readonly faultOf: ReadonlyMap<number, PageFault>;
  /** Of each stage that inherits: how far behind its fault, in thirds of what its step has. */
  readonly third: ReadonlyMap<number, 0 | 1 | 2>;
}

export function openRun(data: PageRun): Run {
  const { stages, places } = data;
  const byStep = new Map(stages.step.map((step, at) => [`${step}/${stages.place[at]}`, at]));
  const faultOf = new Map<number, PageFault>();
  for (const fault of data.faults ?? []) {
    for (const step of fault.steps) {
      const at = byStep.get(`${step}/${fault.place}`);
      if (at !== undefined) faultOf.set(at, fault);
    }
  }
  const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];
  return {
    data,
    count: stages.step.length,
    rms: floatsOf(stages.rms),
    rel: floatsOf(stages.rel),
    floor: floatsOf(stages.floor),
    limit: floatsOf(stages.limit),
    ofLimit: floatsOf(stages.ofLimit),
    local: floatsOf(stages.local),
    steps: unique(stages.step),
    layers: unique(places.flatMap(({ layer }) => layer ?? [])).sort((a, b) => a - b),
    names: unique(places.flatMap(({ stage, layer }) => (layer === null ? [] : stage))),
    hasBlame: data.faults !== null,
    byStep,
    faultOf,
    third: thirdsOf(data),
  };
}

function thirdsOf({ stages: { step, inherits } }: PageRun): Map<number, 0 | 1 | 2> {
  const ranges = new Map<number, [nearest: number, furthest: number]>();
  inherits.forEach((from, at) => {
    if (from < 0) return;
    const [nearest, furthest] = ranges.get(step[at] ?? 0) ?? [Number.POSITIVE_INFINITY, 0];
    ranges.set(step[at] ?? 0, [Math.min(nearest, at - from), Math.max(furthest, at - from)]);
  });
  const thirds = new Map<number, 0 | 1 | 2>();
  inherits.forEach((from, at) => {
    if (from < 0) return;
    const [nearest, furthest] = ranges.get(step[at] ?? 0) ?? [0, 0];
    const share = (at - from - nearest) / Math.max(1, furthest - nearest);
    thirds.set(at, Math.min(2, Math.floor(3 * share)) as 0 | 1 | 2);
  });
  return thirds;
}

export const placeOf = (run: Run, at: number): PagePlace =>
  run.data.places[run.data.stages.place[at] ?? 0] as PagePlace;
export const stepOf = (run: Run, at: number): number => run.data.stages.step[at] ?? 0;

/** The stage of a place at a step. */
export const stageAt = (run: Run, step: number, place: number): number | undefined =>
  run.byStep.get(`${step}/${place}`);

/** A stage as an address names it. @example anchorOf(run, 12) === 'layer-3-q_rope', 'step-2-result_output' */
export function anchorOf(run: Run, at: number): string {
  const { stage, layer } = placeOf(run, at);
  const step = stepOf(run, at);
  return `${step === 0 ? '' : `step-${step}-`}${layer === null ? '' : `layer-${layer}-`}${stage}`;
}

/** As addresses named it before: somebody may have kept one. @example '0/3/q_rope' */
function keyOf(run: Run, at: number): string {
  const { stage, layer } = placeOf(run, at);
  return `${stepOf(run, at)}/${layer ?? '-'}/${stage}`;
}

/** The stage that an address names, as it does now or did before. */
export function findStage(run: Run, name: string): number | undefined {
  for (let at = 0; at < run.count; at++) if (anchorOf(run, at) === name || keyOf(run, at) === name) return at;
  return undefined;
}

/** In words. @example describe(run, 12) === 'q_rope, layer 3, step 1' */
export function describe(run: Run, at: number): string {
  const { stage, layer } = placeOf(run, at);
  const step = stepOf(run, at);
  return `${stage}${layer === null ? '' : `, layer ${layer}`}${step === 0 ? '' : `, step ${step}`}`;
}

/** From here on a stage that agrees is near its limit. */
const NEAR = 0.5;

/** What a stage's delta may be. */
export const limitOf = (run: Run, at: number, pass: Pass): number =>
  (pass === 'blame' ? run.faultOf.get(at)?.limit : undefined) ?? run.limit[at] ?? Number.NaN;

/** A stage's delta over its limit: from the reference's inputs its local delta. */
export function shareOf(run: Run, at: number, pass: Pass): number {
  if (pass === 'free') return run.ofLimit[at] ?? Number.NaN;
  const local = deltaOf(run, at, pass);
  return local < 0 ? Number.NaN : local / limitOf(run, at, pass);
}

/** A stage's delta; NaN where a side is not finite, and −1 where it was not compared. */
export function deltaOf(run: Run, at: number, pass: Pass): number {
  if (pass === 'free') return run.rel[at] ?? Number.NaN;
  return (run.faultOf.get(at)?.local ?? 0) < 0 ? Number.NaN : (run.local[at] ?? -1);
}

export function stateOf(run: Run, at: number, pass: Pass): State {
  const isFault = run.faultOf.has(at);
  if (pass === 'blame') {
    const local = run.local[at] ?? -1;
    if (isFault) return 'fault';
    return local === -1 ? 'absent' : shareOf(run, at, pass) > NEAR ? 'near' : 'agree';
  }
  const verdict = run.data.stages.verdict[at];
  if (verdict === 'i') return 'incomparable';
  if (isFault) return 'fault';
  if (verdict === 'd') return (run.data.stages.inherits[at] ?? -1) >= 0 ? 'inherited' : 'over';
  return shareOf(run, at, pass) > NEAR ? 'near' : 'agree';
}

const RANK: Readonly<Record<State, number>> = {
  absent: 0,
  agree: 1,
  near: 2,
  inherited: 3,
  incomparable: 4,
  over: 5,
  fault: 6,
};

/** How bad a state is: the higher, the worse. */
export const rankOf = (state: State): number => RANK[state];

/** What the worst of some stages is. */
export const worstState = (states: readonly State[]): State =>
  states.reduce((a, b) => (RANK[b] > RANK[a] ? b : a), 'absent' as State);

export const lookAt = (run: Run, at: number, pass: Pass): PageLook | undefined => run.data.looks[pass][at];

/** A look's metrics by name. */
export function metricsOf(look: PageLook): Record<(typeof METRICS)[number], number> {
  const values = floatsOf(look.metrics);
  return Object.fromEntries(METRICS.map((name, i) => [name, values[i] ?? Number.NaN])) as Record<
    (typeof METRICS)[number],
    number
  >;
}

/** The positions of a look's rows. */
export const tokensOf = ({ tokens }: PageLook, rows: number): number[] =>
  typeof tokens === 'number' ? Array.from({ length: rows }, (_, i) => tokens + i) : [...tokens];

/** The stage to look at first: why there is no verdict, the first wrong stage, or the stage nearest to its limit. */
export function mostTelling(run: Run): number {
  const { verdict, first, stages } = run.data;
  const untold = stages.verdict.indexOf('i');
  if (untold >= 0 && (verdict === 'incomparable' || !first)) return untold;
  if (first) return first.at;
  let best = 0;
  for (let at = 1; at < run.count; at++) if ((run.ofLimit[at] ?? 0) > (run.ofLimit[best] ?? 0)) best = at;
  return best;
}

export function readData(text: string): PageData {
  return JSON.parse(text) as PageData;
}
