import { type LimitRule, measureFloors, RunFloors } from '@llama-probe/diff';
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
  const start = () => reference.run({ ...run, signal }).tensors;
  const none: FloorSource = { kind: 'none', why: 'the reference has none', rule: unmeasured(ruleNameOf(reference)) };
  const found = (await reference.floor?.(run, signal)) ?? none;
  const source: FloorSource =
    options.floors === false ? { kind: 'none', why: '--no-floors', rule: unmeasured(ruleNameOf(reference)) } : found;
  const rule = ruled(source.rule, options);
  if (source.kind === 'none') {
    return { tensors: start(), floors: new RunFloors(), rule, method: `not measured: ${source.why}` };
  }
  const { method } = source;
  if (source.kind === 'known') return { tensors: start(), floors: new RunFloors(source.floors), rule, method };

  const path = cachePath(source.key);
  const known = await readCached(path);
  if (known) return { tensors: start(), floors: new RunFloors(known), rule, method };
  const floors = new RunFloors();
  async function* measured(twin: Extract<FloorSource, { kind: 'measured' }>): AsyncGenerator<Tensor> {
    const beside = await twin.open(say);
    try {
      yield* measureFloors(start(), beside.tensors, floors);
      await writeCached(path, floors);
    } finally {
      await beside.close();
    }
  }
  return { tensors: measured(source), floors, rule, method };
}

/** A side that does not say how it computes is held to f32. */
const ruleNameOf = ({ about }: Side): 'exact' | 'native' => (about.mode === 'native' ? 'native' : 'exact');

/** For a dump. */
export function describeFloors({ floors, rule, method }: Omit<Judged, 'tensors'>): FloorsDescription {
  return { method, ...rule, stages: encodeFloors(floors) };
}
