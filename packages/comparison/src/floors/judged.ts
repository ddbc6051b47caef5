import { type Floors, type LimitRule, measureFloors, RunFloors } from '@llama-probe/diff';
import type { FloorsDescription, Tensor } from '@llama-probe/dump';
import type { LimitOptions } from '../options.js';
import type { RunPlan, Side } from '../side.js';
import { cachePath, readCached, writeCached } from './cached.js';
import { encodeFloors } from './codec.js';
import { ruled, unmeasured } from './rules.js';
import type { FloorSource } from './source.js';

/** A side's tensors with their floors, by which others are judged. */
export interface Judged {
  readonly tensors: AsyncIterable<Tensor>;
  /** Fills as the tensors come. */
  readonly floors: RunFloors;
  /** What a free run is judged by; it fills as `floors` does. */
  readonly freeFloors: Pick<Floors, 'get'>;
  readonly rule: LimitRule;
  /** What the floor is the distance between; or why it was not measured. */
  readonly method: string;
}

/** Adds floors to a run of the reference: its own, those in the cache, or what another run beside it shows. */
export async function judgedRun(
  reference: Side,
  run: RunPlan,
  options: LimitOptions,
  say: (message: string) => void,
  signal: AbortSignal,
): Promise<Judged> {
  // When it is first asked for a tensor: llama.cpp waits for whoever reads it, and before that may be asked how it rounds.
  async function* start(): AsyncGenerator<Tensor> {
    yield* reference.run({ ...run, signal }).tensors;
  }
  const none = (why: string): FloorSource => ({ kind: 'none', why, rule: unmeasured(ruleNameOf(reference)) });
  // A side that is asked hashes its model, which of a large one takes minutes.
  const source =
    options.floors === false
      ? none('--no-floors')
      : ((await reference.floor?.(run, signal)) ?? none('the reference has none'));
  const rule = ruled(source.rule, options);
  const reach = REACH[ruleNameOf(reference)];
  if (source.kind === 'none') {
    return { tensors: start(), ...both(new RunFloors(), reach), rule, method: `not measured: ${source.why}` };
  }
  const { method } = source;
  if (source.kind === 'known')
    return { tensors: start(), ...both(new RunFloors(source.floors, reach), reach), rule, method };

  const path = cachePath(source.key);
  const known = await readCached(path);
  if (known) return { tensors: start(), ...both(new RunFloors(known, reach), reach), rule, method };
  const floors = new RunFloors([], reach);
  async function* measured(twin: Extract<FloorSource, { kind: 'measured' }>): AsyncGenerator<Tensor> {
    const beside = await twin.open(say);
    try {
      yield* measureFloors(start(), beside.tensors, floors);
      await writeCached(path, floors);
    } finally {
      await beside.close();
    }
  }
  return { tensors: measured(source), ...both(floors, reach), rule, method };
}

/**
 * How many layers away a namesake's floor counts. `exact` is a sample of one pair of builds that round nearly alike. In `native` the noise of
 * quantised activations is in every row, and grows from layer to layer: there a free run is held to each stage's own floor.
 */
const REACH = { exact: 1, native: 0 } as const;

const both = (floors: RunFloors, reach: number): Pick<Judged, 'floors' | 'freeFloors'> => ({
  floors,
  freeFloors: reach === 0 ? floors.own : floors,
});

/** A side that does not say how it computes is held to f32. */
const ruleNameOf = ({ about }: Side): 'exact' | 'native' => (about.mode === 'native' ? 'native' : 'exact');

/** For a dump. */
export function describeFloors({
  floors,
  rule,
  method,
}: Pick<Judged, 'floors' | 'rule' | 'method'>): FloorsDescription {
  return { method, ...rule, stages: encodeFloors(floors) };
}
