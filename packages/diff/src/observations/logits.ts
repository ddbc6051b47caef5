import type { LogitRow } from './logit-rows.js';
import { besides, type Noted, type ObservationKind, rowsBesides } from './observation.js';

const RUN = 4; // positions in a row at which one token wins
/** What is nearer to zero, or to each other, may be so by rounding: of the range of a row. */
const CLEAR = 0.05;
const ALIKE = 1e-3;

/** Logits of one sign, rows that repeat another, and a token that wins everywhere. */
export function* observeLogits(
  candidate: readonly LogitRow[],
  reference: readonly LogitRow[],
  name: string,
): Generator<Noted> {
  const theirs = new Map(reference.map((row) => [row.token, row]));
  const ours = [...candidate].sort((a, b) => a.token - b.token);
  yield* sign('positive-logits', 'positive', ours, theirs, name, ({ least }) => least);
  yield* sign('negative-logits', 'negative', ours, theirs, name, ({ most }) => -most);
  yield* repeated(ours, theirs, name);
  yield* sameToken(ours, theirs, name);
}

type ByToken = ReadonlyMap<number, LogitRow>;

/** @param margin by how much all logits have the sign */
function* sign(
  kind: ObservationKind,
  what: string,
  ours: readonly LogitRow[],
  theirs: ByToken,
  name: string,
  margin: (row: LogitRow) => number,
): Generator<Noted> {
  const found = ours.filter((row) => margin(row) > 0);
  const clearlyNot = (row: LogitRow | undefined) => row && margin(row) < -CLEAR * (row.most - row.least);
  const other = found.find(({ token }) => clearlyNot(theirs.get(token)));
  const first = other ?? found[0];
  if (!first) return;
  const differs = other !== undefined;
  const twins = found.map(({ token }) => theirs.get(token)).filter((row) => row !== undefined);
  const same = twins.filter((row) => margin(row) > 0).length;
  const of = `${found.length} of ${ours.length} ${ours.length === 1 ? 'row' : 'rows'}`;
  yield {
    ...noted(kind, first, differs),
    candidate: found.length,
    reference: twins.length > 0 ? same : null,
    scale: ours.length,
    text: `all logits are ${what} in ${of}; ${rowsBesides(name, same, twins.length, differs)}.`,
  };
}

function* repeated(ours: readonly LogitRow[], theirs: ByToken, name: string): Generator<Noted> {
  const pairs = repeats(ours);
  const twins = pairs.map(([a, b]) => [theirs.get(a.token), theirs.get(b.token)] as const);
  const covered = twins.filter(([a, b]) => a && b) as Pair[];
  const other = twins.findIndex(([a, b]) => a && b && !alike(a, b));
  const differs = other >= 0;
  const pair = pairs[Math.max(0, other)];
  if (!pair) return;
  const same = covered.filter(([a, b]) => a.hash === b.hash).length;
  const all = pairs.length > 1 ? `, and ${pairs.length} rows in all repeat an earlier one` : '';
  yield {
    ...noted('repeated-logits', pair[1], differs),
    candidate: pairs.length,
    reference: covered.length > 0 ? same : null,
    scale: ours.length,
    text: `the logits of token ${pair[1].token} are those of token ${pair[0].token}, bit for bit${all}; ${rowsBesides(name, same, covered.length, differs)}.`,
  };
}

type Pair = readonly [LogitRow, LogitRow];

/** Rows with the first one that is the same. Rows of zeros are dead rows, and those of NaN are told elsewhere. */
function repeats(rows: readonly LogitRow[]): Pair[] {
  const seen = new Map<string, LogitRow>();
  const pairs: Pair[] = [];
  for (const row of rows) {
    if (Number.isNaN(row.least) || (row.least === 0 && row.most === 0)) continue;
    const earlier = seen.get(row.hash);
    if (!earlier) seen.set(row.hash, row);
    else if (earlier.token !== row.token) pairs.push([earlier, row]);
  }
  return pairs;
}

/** As far as what is kept of them tells: a prompt of one token over and over has nearly the same logits everywhere. */
function alike(a: LogitRow, b: LogitRow): boolean {
  const near = ALIKE * (a.most - a.least);
  return a.greedy === b.greedy && Math.abs(a.most - b.most) <= near && Math.abs(a.least - b.least) <= near;
}

function* sameToken(ours: readonly LogitRow[], theirs: ByToken, name: string): Generator<Noted> {
  const run = longestRun(ours);
  const [first] = run;
  if (!first || run.length < RUN) return;
  const others = run.map(({ token }) => theirs.get(token)).filter((row) => row !== undefined);
  const known = others.length === run.length;
  const there = mostWins(others);
  const differs = known && there <= run.length / 2;
  const has = known ? `one that wins at ${there} of them` : undefined;
  yield {
    ...noted('same-token-everywhere', first, differs),
    candidate: run.length,
    reference: known ? there : null,
    scale: ours.length,
    text: `token ${first.greedy} wins at ${run.length} positions in a row, from position ${first.token} on; ${besides(name, has, differs)}.`,
  };
}

/** The most rows that follow each other in which one token wins. */
function longestRun(rows: readonly LogitRow[]): LogitRow[] {
  let best: readonly [number, number] = [0, 0];
  let begin = 0;
  for (let end = 0; end < rows.length; end++) {
    const greedy = rows[end]?.greedy as number;
    if (greedy < 0) begin = end + 1;
    else if (greedy !== rows[begin]?.greedy) begin = end;
    if (end + 1 - begin > best[1] - best[0]) best = [begin, end + 1];
  }
  return rows.slice(...best);
}

/** At how many of the rows the token wins that wins most often. */
function mostWins(rows: readonly LogitRow[]): number {
  const wins = new Map<number, number>();
  for (const { greedy } of rows) wins.set(greedy, (wins.get(greedy) ?? 0) + 1);
  return Math.max(0, ...wins.values());
}

function noted(kind: ObservationKind, { step, order }: LogitRow, differs: boolean) {
  return { kind, step, order, layer: null, stage: 'result_output', differs };
}
