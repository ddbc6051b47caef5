import { type LimitRule, PrecisionSeen } from '@llama-probe/diff';
import type { Precision, Tensor } from '@llama-probe/dump';
import { isDetail, type Place } from '@llama-probe/dump/stage';
import type { SideAbout } from '../side.js';
import { type Held, hold, type RowDelta } from './hold.js';
import { type Limit, limitsOf } from './limits.js';
import { pointsTo } from './points.js';
import { type Differing, type Itself, share, verdictOf, type WayReport } from './report.js';
import { Rows } from './rows.js';
import type { Way } from './way.js';

/** A run of the tokens in one way. */
export interface OneWay {
  /** Where `begins` is undefined it is told from the pieces that the rows come in, if it can be. */
  readonly way: Way;
  readonly tensors: AsyncIterable<Tensor>;
}

/** What is held to itself. */
export interface Ask {
  /** Of the scores; without it those of passes over other lengths cannot be held to each other. */
  readonly heads: number | undefined;
  readonly about: Pick<SideAbout, 'name' | 'version' | 'adapter'>;
  readonly tokens: readonly number[];
  /** What may differ, by what the values are kept in. */
  readonly ruleOf: (seen: Precision) => { readonly rule: LimitRule; readonly precision: Itself['precision'] };
  readonly notes?: readonly string[];
}

/**
 * Holds runs of the same tokens in several ways to the first of them: what a token's rows are must not depend on how many tokens were computed with
 * it, or before it in another pass. The rows of the base are kept, and those of one way at a time.
 */
export async function heldToItself(runs: AsyncIterable<OneWay>, ask: Ask): Promise<Itself> {
  const seen = new PrecisionSeen();
  let base: { readonly way: Way; readonly rows: Rows } | undefined;
  const held: Held[] = [];
  for await (const { way, tensors } of runs) {
    const rows = new Rows();
    for await (const tensor of tensors) {
      if (isDetail(tensor.stage)) continue;
      if (!base) seen.add(tensor);
      rows.add(tensor);
    }
    if (!base) base = { way: rows.told(way), rows };
    else held.push(hold(rows.told(way), rows, base.rows, ask.heads));
  }
  if (!base) throw new Error('there is no run');
  const { rule, precision } = ask.ruleOf(seen.result());
  const limits = limitsOf(held, rule);
  const look = { base: base.rows, heads: ask.heads };
  const ways = held.map((one) => reportOf(one, limits, look));
  const { name, version, adapter } = ask.about;
  const { way } = base;
  return {
    schema: 1,
    ...verdictOf(way, ways, ask.tokens.length),
    candidate: { name, version, ...(adapter === undefined ? {} : { adapter }) },
    tokens: ask.tokens,
    base: { name: way.name, batches: way.batches },
    precision,
    ways,
    notes: ask.notes ?? [],
  };
}

/** What is said of one way. */
function reportOf(
  held: Held,
  limits: (place: Place) => Limit,
  { base, heads }: { readonly base: Rows; readonly heads: number | undefined },
): WayReport {
  const rows = held.deltas.map((row) => withLimit(row, limits));
  const wrong = inOrder(rows.filter((row) => share(row) > 1));
  const tie = wrong[0]?.stage.startsWith(CHOICE) ? wrong[0] : undefined;
  const judged = tie ? rows.filter(({ position }) => position < tie.position) : rows;
  const [first] = tie ? [] : wrong;
  const before =
    first && inOrder(rows.filter((row) => row.position === first.position && row.order < first.order)).at(-1);
  const { name, batches } = held.way;
  const notes = [
    ...(held.alone.length > 0 ? [`Not compared: ${held.alone.join(', ')}.`] : []),
    ...(held.missing > 0 ? [`${held.missing} rows are in one of the two only.`] : []),
    ...(tie
      ? [
          `Token ${tie.position} went to other experts in layer ${tie.layer}, though what they are chosen by is the same but for rounding: a tie. From there on nothing is compared.`,
        ]
      : []),
  ];
  return {
    name,
    batches,
    verdict: first ? 'diverged' : judged.length === 0 ? 'incomparable' : 'agree',
    rows: judged.length,
    stages: new Set(judged.map(({ layer, stage }) => `${layer} ${stage}`)).size,
    isBitwise: judged.length > 0 && judged.every(({ delta }) => delta === 0),
    worst: placeOnly(judged.reduce<Row | undefined>((a, b) => (a && share(a) >= share(b) ? a : b), undefined)) ?? null,
    first: first
      ? {
          ...(placeOnly(first) as Differing),
          after: before ? { layer: before.layer, stage: before.stage } : null,
          pointsTo: pointsTo(first, { held, base, heads, limit: first.limit }),
        }
      : null,
    differing: tie ? [] : firstOfEach(wrong),
    notes: judged.length === 0 && notes.length === 0 ? ['The two have no stage in common.'] : notes,
  };
}

/** The experts of a token, a choice: near a tie any rounding changes it. */
const CHOICE = 'ffn_moe_topk';

type Row = Differing & Pick<RowDelta, 'order'>;

function withLimit({ delta, ...row }: RowDelta, limits: (place: Place) => Limit): Row {
  return { ...row, delta: Number.isFinite(delta) ? delta : null, ...limits(row) };
}

/** By token, and then by when it is evaluated: a row is computed from rows that are before it in this order. */
const inOrder = (rows: readonly Row[]): Row[] => [...rows].sort((a, b) => a.position - b.position || a.order - b.order);

function placeOnly(row: Row | undefined): Differing | undefined {
  if (!row) return undefined;
  const { order: _, ...rest } = row;
  return rest;
}

function firstOfEach(wrong: readonly Row[]): WayReport['differing'] {
  const counts = new Map<number, number>();
  for (const { position } of wrong) counts.set(position, (counts.get(position) ?? 0) + 1);
  const first = wrong.filter(({ position }, i) => wrong[i - 1]?.position !== position);
  return first.map((row) => ({ ...(placeOnly(row) as Differing), stages: counts.get(row.position) ?? 0 }));
}
