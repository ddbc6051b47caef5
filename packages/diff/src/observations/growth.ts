import { placeKey } from '@llama-probe/dump/stage';
import { besides, digits, type Noted } from './observation.js';
import { lowerMedian, type StageRows } from './row-sizes.js';

const STEEP = 100; // from the first layer to the last
const JUMP = 10; // from one layer to the next
/** Two healthy sides grow more alike than by this factor. */
const APART = 1.5;

interface Layer {
  readonly layer: number;
  readonly order: number;
  /** By token. */
  readonly rms: ReadonlyMap<number, number>;
}

/** How the residual stream grows from layer to layer, in each step: the RMS of a typical row of the stage that each layer ends with. */
export function* observeGrowth(
  candidate: ReadonlyMap<string, StageRows>,
  reference: ReadonlyMap<string, StageRows>,
  name: string,
  residual: string,
): Generator<Noted> {
  const stages = [...candidate.values()]
    .filter(({ stage, layer }) => stage === residual && layer !== null)
    .sort((a, b) => (a.layer as number) - (b.layer as number));
  for (const step of new Set(stages.flatMap(({ steps }) => steps))) {
    const ours = stages.map((stage) => layerOf(stage, step));
    const twins = stages.map((stage) => reference.get(placeKey(stage))).filter((stage) => stage !== undefined);
    const theirs = twins.length === stages.length ? twins.map((stage) => layerOf(stage, step)) : [];
    const common = inAll([...ours, ...theirs]);
    const growth = growthOf(ours, common.length > 0 ? common : inAll(ours));
    const known = growthOf(theirs, common);
    if (growth) yield* note(step, ours, growth, known, { name, residual });
  }
}

function layerOf({ layer, order, steps, tokens, rms }: StageRows, step: number): Layer {
  const own = tokens.map((token, i) => [token, rms[i] as number] as const).filter((_, i) => steps[i] === step);
  return { layer: layer as number, order, rms: new Map(own) };
}

/** A side may have fewer rows in its last layer, where only the last token's are needed. */
function inAll([first, ...layers]: readonly Layer[]): number[] {
  return [...(first?.rms.keys() ?? [])].filter((token) => layers.every(({ rms }) => rms.has(token)));
}

interface Growth {
  readonly whole: number;
  /** From one layer to the next. (layers − 1) */
  readonly jumps: readonly number[];
}

function growthOf(layers: readonly Layer[], tokens: readonly number[]): Growth | undefined {
  const sizes = layers.map(({ rms }) => lowerMedian(tokens.map((token) => rms.get(token) as number)) ?? 0);
  if (sizes.length < 2 || !sizes.every((size) => size > 0)) return undefined; // dead, or not finite: told elsewhere
  const jumps = sizes.slice(1).map((size, i) => size / (sizes[i] as number));
  return { whole: (sizes.at(-1) as number) / (sizes[0] as number), jumps };
}

function* note(
  step: number,
  layers: readonly Layer[],
  growth: Growth,
  known: Growth | undefined,
  { name, residual }: { readonly name: string; readonly residual: string },
): Generator<Noted> {
  const apart = known && growth.jumps.map((jump, i) => Math.abs(Math.log(jump / (known.jumps[i] as number))));
  const differs =
    known !== undefined && Math.max(Math.abs(Math.log(growth.whole / known.whole)), ...(apart ?? [])) > Math.log(APART);
  if (!differs && growth.whole <= STEEP && Math.max(...growth.jumps) <= JUMP) return;
  const most = highestOf(differs ? (apart as number[]) : growth.jumps);
  const at = layers[most + 1] as Layer;
  const [first, last] = [layers[0] as Layer, layers.at(-1) as Layer];
  const when = step === 0 ? '' : ` at step ${step}`;
  const jump = (one: Growth) => `${digits(one.whole)} and ${digits(one.jumps[most] as number)}`;
  const text = `${residual}${when}: the RMS of a typical row becomes ${digits(growth.whole)} times as large from layer ${first.layer} to ${last.layer}, and ${digits(growth.jumps[most] as number)} times at layer ${at.layer}; ${besides(name, known && jump(known), differs)}.`;
  yield {
    kind: 'rms-growth',
    step,
    order: at.order,
    layer: at.layer,
    stage: residual,
    candidate: growth.whole,
    reference: known?.whole ?? null,
    text,
    differs,
  };
}

const highestOf = (values: readonly number[]): number => values.indexOf(Math.max(...values));
