import { Mean } from './estimate.js';
import type { Score } from './score.js';

/** What is said of some of a text's positions: a prompt's, those of a stretch, those before a class of tokens. */
export interface Group {
  readonly positions: number;
  readonly notFinite: number;
  /** Means over the positions at which the candidate is finite; null where there is none. */
  readonly meanKl: number | null;
  readonly maxKl: number | null;
  /** The share at which both choose the same token. */
  readonly sameTop: number | null;
  /** Null where no token follows. */
  readonly perplexity: { readonly reference: number; readonly candidate: number } | null;
}

/** Adds up a group. */
export class GroupSums {
  private readonly kl = new Mean();
  private readonly nll = { reference: new Mean(), candidate: new Mean() };
  private max = Number.NEGATIVE_INFINITY;
  private same = 0;
  private notFinite = 0;

  add({ kl, reference, candidate, nll }: Score): void {
    if (kl === Number.POSITIVE_INFINITY) {
      this.notFinite++;
      return;
    }
    this.kl.add(kl);
    this.max = Math.max(this.max, kl);
    if (reference === candidate) this.same++;
    if (!nll) return;
    this.nll.reference.add(nll.reference);
    this.nll.candidate.add(nll.candidate);
  }

  result(): Group {
    const { count } = this.kl;
    const { reference, candidate } = this.nll;
    return {
      positions: count + this.notFinite,
      notFinite: this.notFinite,
      meanKl: count === 0 ? null : this.kl.estimate().value,
      maxKl: count === 0 ? null : this.max,
      sameTop: count === 0 ? null : this.same / count,
      perplexity:
        reference.count === 0
          ? null
          : {
              reference: Math.exp(reference.estimate().value),
              candidate: Math.exp(candidate.estimate().value),
            },
    };
  }
}
