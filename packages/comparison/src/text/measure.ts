import { type Group, GroupSums } from './group.js';
import type { WindowGroup } from './report.js';
import { type ReferenceRows, type Score, scoreOf } from './score.js';
import { Statistics, type TextStatistics } from './statistics.js';
import { TOKEN_CLASSES, type TokenClass } from './token-class.js';
import type { Window } from './windows.js';

/** A position, and what both sides say there. */
export interface ScoredPosition extends Score {
  readonly window: number;
  readonly position: number;
  readonly token: number;
  readonly next: number | undefined;
}

const STRETCHES = 16; // at most, that positions are told in

/** What is scored of a window. */
export interface WindowScores {
  readonly scores: readonly (Score & { readonly position: number })[];
  /** Positions that the candidate, or a file, has no logits of. */
  readonly missing: number;
  /** Those at which the reference is not finite. */
  readonly notFinite: number;
}

/** Holds the candidate's rows of a window to the reference's. */
export function scoresOf(
  { tokens, first, last }: Window,
  reference: ReferenceRows,
  candidate: ReadonlyMap<number, Float32Array>,
): WindowScores {
  const scores: (Score & { position: number })[] = [];
  let [missing, notFinite] = [0, 0];
  for (let position = first; position <= last; position++) {
    const row = candidate.get(position);
    const logP = row && reference.get(position);
    if (!row || !logP) missing++;
    else if (Number.isNaN(logP[0]))
      notFinite++; // then all are
    else scores.push({ position, ...scoreOf(logP, row, tokens[position + 1]) });
  }
  return { scores, missing, notFinite };
}

/** The largest KL of a window. */
export const worstOf = ({ scores }: WindowScores): number => scores.reduce((worst, { kl }) => Math.max(worst, kl), 0);

/** Adds up windows, one after the other; of each position a few numbers are kept. */
export class Measuring {
  private readonly statistics = new Statistics();
  private readonly byPosition = new Map<number, GroupSums>();
  private readonly byClass = new Map<TokenClass, GroupSums>();
  private readonly perWindow: { window: Window; sums: GroupSums; kls: { position: number; kl: number }[] }[] = [];
  private readonly worstOf: ScoredPosition[] = [];
  private readonly from: number;
  private readonly last: number;
  private readonly stretch: number;
  private missing = 0;
  private notFinite = 0;

  constructor(
    windows: readonly Window[],
    private readonly classOf: ((token: number) => TokenClass) | undefined,
  ) {
    this.from = Math.min(...windows.map(({ first }) => first));
    this.last = Math.max(...windows.map(({ last }) => last));
    this.stretch = Math.ceil((this.last + 1 - this.from) / STRETCHES);
  }

  add(window: Window, { scores, missing, notFinite }: WindowScores): void {
    const { index, tokens } = window;
    const sums = new GroupSums();
    let worst: ScoredPosition | undefined;
    for (const { position, ...score } of scores) {
      const next = tokens[position + 1];
      for (const group of [sums, this.stretchOf(position), ...this.classesOf(next)]) group.add(score);
      this.statistics.add(score);
      if (!worst || score.kl > worst.kl)
        worst = { ...score, position, window: index, token: tokens[position] as number, next };
    }
    this.missing += missing;
    this.notFinite += notFinite;
    this.perWindow.push({ window, sums, kls: scores.map(({ position, kl }) => ({ position, kl })) });
    if (worst) this.worstOf.push(worst);
  }

  /** @param limit of a position */
  result(limit: number): {
    statistics: TextStatistics;
    windows: WindowGroup[];
    over: number;
    worst: ScoredPosition[];
    positions: (Group & { from: number; to: number })[];
    classes: (Group & { class: TokenClass })[];
    notCompared: { missing: number; reference: number };
  } {
    const windows = this.perWindow.map(({ window, sums, kls }) => {
      const over = kls.filter(({ kl }) => kl > limit);
      return {
        window: window.index,
        tokens: window.tokens.length,
        ...(window.dump === undefined ? {} : { dump: window.dump }),
        ...sums.result(),
        worst: this.worstOf.find((one) => one.window === window.index)?.position ?? null,
        over: over.length,
        firstOver: over[0]?.position ?? null,
      };
    });
    return {
      statistics: this.statistics.result(),
      windows,
      over: windows.reduce((sum, { over }) => sum + over, 0),
      worst: this.worstOf.toSorted((a, b) => (a.kl === b.kl ? a.window - b.window : b.kl - a.kl)),
      positions: [...this.byPosition]
        .sort(([a], [b]) => a - b)
        .map(([from, sums]) => ({ from, to: Math.min(from + this.stretch - 1, this.last), ...sums.result() })),
      classes: TOKEN_CLASSES.flatMap((one) => {
        const sums = this.byClass.get(one);
        return sums ? [{ class: one, ...sums.result() }] : [];
      }),
      notCompared: { missing: this.missing, reference: this.notFinite },
    };
  }

  private stretchOf(position: number): GroupSums {
    const from = this.from + this.stretch * Math.floor((position - this.from) / this.stretch);
    return groupAt(this.byPosition, from);
  }

  private classesOf(next: number | undefined): GroupSums[] {
    return next === undefined || !this.classOf ? [] : [groupAt(this.byClass, this.classOf(next))];
  }
}

function groupAt<Key>(groups: Map<Key, GroupSums>, key: Key): GroupSums {
  const found = groups.get(key) ?? new GroupSums();
  groups.set(key, found);
  return found;
}
