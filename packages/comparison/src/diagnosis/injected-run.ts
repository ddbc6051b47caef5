import { type GraphStage, type Place, placeKey } from '@llama-probe/dump/stage';
import { type Bug, computeStage, hasWeights, onTheWay, type StageCase } from '@llama-probe/oracle';
import type { KvRows } from './kv-rows.js';
import { relativeDelta } from './relative-delta.js';
import { type CaseSource, type PassAt, placesBehind, stageCase } from './stage-case.js';

/** A catalogued bug to put into a run, in one layer or wherever it can be. */
export interface Injection {
  readonly bug: Bug;
  /** null for the model-wide stages; wherever it can be where undefined. */
  readonly layer?: number | null | undefined;
}

/** What the stages of a run compute: by the vocabulary alone, or by llama.cpp's graph of the model. */
export type Computing = Pick<CaseSource, 'model' | 'graph' | 'operations'>;

/** Where a bug was put into runs, and what that did. */
export interface Effect {
  /** The stages that it was put into, by `placeKey`. */
  readonly places: ReadonlySet<string>;
  /** How far it has moved one of them at the most: the relative RMS delta of the stage with it and without it. */
  readonly delta: number;
}

/** What has become of bugs in all runs that they were put into; one that there was nothing to apply to is not there. */
export type Injected = Map<Injection, Effect>;

/** The bugs of one run: at which stages they may be, what of the run they need to see, and what they make of a stage. */
export class InjectedRun {
  /** The stages that may be changed, in evaluation order. */
  readonly changing: readonly GraphStage[];
  private readonly places = new Map<string, readonly Injection[]>();
  private readonly behinds = new Map<string, readonly Place[]>();
  private readonly needed = new Set<string>();
  private readonly put = new Set<string>();
  private pass = '';

  constructor(
    private readonly computing: Computing,
    injections: readonly Injection[],
    private readonly injected: Injected,
  ) {
    const { graph } = computing;
    for (const place of graph.stages) {
      const here = injections.filter((one) => mayBeAt(one, place, computing));
      const behind = here.length > 0 ? placesBehind(place, { ...computing, rowsOf: () => NO_ROWS }) : undefined;
      if (!behind) continue;
      this.places.set(placeKey(place), here);
      const { inputs, besides, cached } = behind;
      const all = [...inputs, ...besides, ...(cached ? [cached] : [])];
      this.behinds.set(placeKey(place), all);
      for (const one of all) this.needed.add(placeKey(one));
    }
    this.changing = graph.stages.filter((place) => this.mayChange(place));
  }

  /** Whether a stage may be changed, once its inputs are seen. */
  mayChange(place: Place): boolean {
    return this.places.has(placeKey(place));
  }

  /** Whether a stage that may be changed is computed from this one. */
  needs(place: Place): boolean {
    return this.needed.has(placeKey(place));
  }

  /** What a stage that may be changed is computed from, in its pass. */
  behind(place: Place): readonly Place[] {
    return this.behinds.get(placeKey(place)) ?? [];
  }

  /**
   * A stage's rows with a bug, computed from what the run itself has made of its inputs.
   *
   * @param source the rows of this pass, and K and V of all passes so far
   * @returns undefined where none of the bugs has anything to change there
   */
  rows(place: Place, pass: PassAt, source: Pick<CaseSource, 'ids' | 'kv' | 'rowsOf'>): Float32Array | undefined {
    const now = `${pass.step}/${pass.firstPosition}`;
    if (now !== this.pass) this.put.clear();
    this.pass = now;
    const found = stageCase(place, pass, { ...this.computing, ...source });
    for (const injection of (found && this.places.get(placeKey(place))) ?? []) {
      const { bug } = injection;
      const variation = bug.isInOneStage && this.isPutBefore(bug, place) ? undefined : bug.example(found as StageCase);
      if (!variation) continue;
      this.put.add(`${bug.id} ${placeKey(place)}`);
      const values = Float32Array.from(computeStage(found as StageCase, variation));
      this.tell(injection, place, relativeDelta(values, Float32Array.from(computeStage(found as StageCase))));
      return values;
    }
    return undefined;
  }

  /** Whether a bug was put into what a stage is computed from, in its layer. */
  private isPutBefore(bug: Bug, { layer, ...at }: Place): boolean {
    const { graph } = this.computing;
    const inputs = graph.inputsOf({ layer, ...at }).filter((input) => input.layer === layer);
    return inputs.some((input) => this.put.has(`${bug.id} ${placeKey(input)}`) || this.isPutBefore(bug, input));
  }

  private tell(injection: Injection, place: Place, moved: number): void {
    const before = this.injected.get(injection);
    const delta = Math.max(Number.isNaN(moved) ? Number.POSITIVE_INFINITY : moved, before?.delta ?? 0);
    this.injected.set(injection, { places: new Set([...(before?.places ?? []), placeKey(place)]), delta });
  }
}

const NO_ROWS = new Float32Array();

/** K and V of a layer as far as a run has got. */
export function keepCached(
  kv: KvRows,
  { graph }: Computing,
  { layer, firstPosition }: PassAt & Pick<Place, 'layer'>,
  rowsOf: (place: Place) => { readonly width: number; readonly values: Float32Array } | undefined,
): void {
  for (const stage of graph.cachedNames) {
    const place = { stage, layer };
    const rows = rowsOf(place);
    if (rows) kv.add(place, firstPosition, rows.width, rows.values);
  }
}

/** By the operation that a stage is, or has on its way; whether there is really something to change its rows say. */
function mayBeAt({ bug, layer }: Injection, place: Place, { operations, model }: Computing): boolean {
  if (layer !== undefined && layer !== place.layer) return false;
  if (!operations) return bug.stages.includes(place.stage);
  const operation = operations.at(place);
  if (!operation || !hasWeights(operation, model)) return false;
  return [...onTheWay(operation)].some(({ stage, role = stage }) => bug.stages.includes(role));
}
