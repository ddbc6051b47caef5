import { and, inRanges } from '../words.js';

/** Which of the right units each one holds, and that in words. */
export interface Order {
  readonly from: readonly number[];
  readonly text: string;
}

/** How units are called that hold the values of others, and the number that each is called by. */
export interface Called {
  readonly one: string;
  readonly many: string;
  /** What comes before, where a unit is not the same as what it is of. @example ['the row of ', 'the rows of '] */
  readonly before?: readonly [one: string, many: string];
  /** What they do to hold the values of others. @example ['reads', 'read'] */
  readonly verb?: readonly [one: string, many: string];
  number(index: number): number;
}

/** So many runs of a list are told. */
const MOST_RUNS = 4;
const MOST_SINGLE = 8;

/** Of units of one or two values a run must be this long: two numbers are the same by chance. */
export const LONG = 8;

const HOLD = ['holds the values of', 'hold the values of'] as const;

/** The thing that is of a unit. @example 'row', in 'the row of ' */
const EACH = /^the (\w+)/;

type Sources = readonly (readonly number[])[];

/**
 * The simplest order in which units hold the values of others; undefined where there is none that can be told in a line.
 *
 * @param sources where each unit may come from @param least how many units in a row a run must have
 * @example orderOf([[0], [0], [2], [2]], { one: 'head', many: 'heads', number: (i) => i })?.text // 'heads 1 and 3 hold the values of heads 0 and 2'
 */
export const orderOf = (sources: Sources, called: Called, least = 1): Order | undefined =>
  knownOrder(sources, called, least) ?? listedOrder(sources, called, least);

/** The units that do not hold their own values; undefined where there is none, or where nobody knows what one holds. */
function wrongOf(sources: Sources): number[] | undefined {
  const wrong = sources.flatMap((own, i) => (own.includes(i) ? [] : [i]));
  return wrong.length === 0 || wrong.some((i) => sources[i]?.length === 0) ? undefined : wrong;
}

/** An order that a formula gives. */
interface Rule {
  readonly of: (i: number) => number;
  readonly text: string;
}

function* rules(
  count: number,
  { one, many, before = ['', ''], verb = HOLD, number }: Called,
  by: readonly number[],
): Generator<Rule> {
  const each = before[0] ? `each ${EACH.exec(before[0])?.[1]}` : `each ${one}`;
  for (const shift of by) {
    const where = Math.abs(shift) === 1 ? (shift < 0 ? 'before it' : 'after it') : shift < 0 ? 'earlier' : 'later';
    const far = Math.abs(shift) === 1 ? '' : ` ${Math.abs(shift)}`;
    const text = `${each} ${verb[0]} the ${one}${far} ${where}`;
    yield { of: (i) => (i + shift + count) % count, text: `${text}, around the end` };
    if (Math.abs(shift) <= Math.max(1, count / 4)) yield { of: (i) => i + shift, text };
  }
  yield { of: (i) => count - 1 - i, text: `${before[1]}${many} are in reverse` };
  if (count % 2 === 0) yield { of: (i) => i ^ 1, text: `neighbouring ${many} (0 and 1, 2 and 3, …) are exchanged` };
  for (let size = 2; size <= count / 2; size++) {
    if (count % size !== 0) continue;
    const blocks = count / size;
    if (count > 2 * MOST_SINGLE)
      yield { of: (i) => i - (i % size), text: `of every ${size} ${many} all ${verb[1]} the first` };
    if (blocks > 2)
      yield {
        of: (i) => i % size,
        text: `${before[1]}${many} ${number(0)} to ${number(size - 1)} are there again and again`,
      };
    yield {
      of: (i) => (i % blocks) * size + Math.floor(i / blocks),
      text: `${before[1]}${many} are transposed, ${blocks} × ${size} read as ${size} × ${blocks}`,
    };
    yield { of: (i) => i - (i % size) + size - 1 - (i % size), text: `${many} are in reverse within every ${size}` };
  }
}

/** An order of all units by one rule. */
export function knownOrder(sources: Sources, called: Called, least = 1): Order | undefined {
  const wrong = wrongOf(sources);
  if (!wrong || wrong.length < Math.max(3, least)) return undefined; // two of them have any order
  const count = sources.length;
  const [first = 0] = wrong;
  const shifts = (sources[first] ?? []).map((source) => source - first);
  for (const { of, text } of rules(count, called, shifts)) {
    const holds = (i: number): boolean => {
      const source = of(i);
      if (source >= 0 && source < count) return sources[i]?.includes(source) ?? false;
      // What a shift has no source for may hold anything, at the ends.
      return sources[i]?.includes(i) || Math.min(i, count - 1 - i) < Math.max(1, wrong.length >> 2);
    };
    if (!sources.every((_, i) => holds(i))) continue;
    const from = sources.map((own, i) => {
      const source = of(i);
      return source >= 0 && source < count ? source : own.includes(i) ? i : (own[0] as number);
    });
    return { from, text };
  }
  return undefined;
}

/** Runs of units that follow each other on both sides. */
interface Run {
  readonly to: number[];
  readonly from: number[];
}

/** Which units hold the values of which, one by one or in a few runs. */
export function listedOrder(sources: Sources, called: Called, least = 1): Order | undefined {
  const wrong = wrongOf(sources);
  const runs = wrong && runsOf(sources, wrong);
  if (!runs || runs.some(({ to }) => to.length < least)) return undefined;
  const from = sources.map((_, i) => i);
  for (const run of runs) {
    run.to.forEach((i, at) => {
      from[i] = run.from[at] as number;
    });
  }
  const text = exchanged(runs, called) ?? same(runs, called) ?? inRuns(runs, called);
  return text === undefined ? undefined : { from, text };
}

function runsOf(sources: Sources, wrong: readonly number[]): Run[] | undefined {
  const runs: Run[] = [];
  for (const i of wrong) {
    const last = runs.at(-1);
    const next = last && last.to.at(-1) === i - 1 ? (last.from.at(-1) as number) + 1 : -1;
    const own = sources[i] as readonly number[];
    if (last && own.includes(next)) {
      last.to.push(i);
      last.from.push(next);
    } else if (own.length === 1) runs.push({ to: [i], from: [own[0] as number] });
    else return undefined; // several are the same: which of them it is nobody can say
  }
  return runs;
}

function exchanged(runs: readonly Run[], { many, before = ['', ''], number }: Called): string | undefined {
  const [a, b] = runs;
  if (runs.length !== 2 || !a || !b || a.to.join() !== b.from.join() || b.to.join() !== a.from.join()) return undefined;
  return `${before[1]}${many} ${inRanges(a.to.map(number))} and ${inRanges(b.to.map(number))} are exchanged`;
}

/** All of them hold the values of one and the same. */
function same(runs: readonly Run[], called: Called): string | undefined {
  const [only] = runs;
  if (!only || runs.length < 2 || runs.some(({ from }) => from.length > 1 || from[0] !== only.from[0]))
    return undefined;
  return holds(
    called,
    runs.flatMap(({ to }) => to),
    only.from,
    inRanges,
  );
}

function inRuns(runs: readonly Run[], called: Called): string | undefined {
  if (runs.length <= MOST_RUNS && runs.some(({ to }) => to.length > 1)) {
    return and(runs.map(({ to, from }) => holds(called, to, from, inRanges)));
  }
  const to = runs.flatMap((run) => run.to);
  if (to.length > MOST_SINGLE) return undefined;
  return holds(
    called,
    to,
    runs.flatMap(({ from }) => from),
    (numbers) => and(numbers.map(String)),
  );
}

function holds(
  { one, many, before = ['', ''], verb = HOLD, number }: Called,
  to: readonly number[],
  from: readonly number[],
  list: (numbers: readonly number[]) => string,
): string {
  const own = to.length === 1 ? `${before[0]}${one}` : `${before[1]}${many}`;
  return `${own} ${list(to.map(number))} ${verb[to.length === 1 ? 0 : 1]} ${from.length === 1 ? one : many} ${list(from.map(number))}`;
}
