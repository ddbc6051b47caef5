import type { LimitRule } from '@llama-probe/diff';
import { Mean } from './estimate.js';
import { limitsOf, type TextFloor, type TextLimits } from './limits.js';
import { type ReferenceRows, scoreOf } from './score.js';
import type { Window } from './windows.js';

/** Another run that a reference is held to. */
export interface Twin {
  readonly method: string;
  rows(window: Window): Promise<ReadonlyMap<number, Float32Array>>;
}

const SPREAD = 8; // windows on which the floor is measured in any case, over the whole text
const ACCUSED = 16; // … and those beside them on which the candidate is over the limit that there is so far

/** Measures how far a reference is from its twin: on some windows, and on those that would be accused otherwise. */
export class FloorMeter {
  private readonly kl = new Mean();
  private readonly spread: ReadonlySet<number>;
  private max = 0;
  private measured = 0;
  private accused = 0;

  /** @param twin undefined where there is none, and `why` says so */
  constructor(
    private readonly rule: LimitRule,
    windows: number,
    private readonly twin: Twin | undefined,
    private readonly why: string,
  ) {
    const count = Math.min(SPREAD, windows);
    this.spread = new Set(Array.from({ length: count }, (_, i) => Math.floor((i * windows) / count)));
  }

  /** @param worst the candidate's largest KL there @returns the floor's KL divergences, where it is measured there */
  async measure(window: Window, reference: ReferenceRows, worst: number): Promise<readonly number[] | null> {
    if (!this.twin || !(this.spread.has(window.index) || this.isAccused(worst))) return null;
    const kls: number[] = [];
    for (const [position, row] of await this.twin.rows(window)) {
      const logP = reference.get(position);
      const kl = logP && scoreOf(logP, row).kl;
      if (kl !== undefined && kl !== Number.POSITIVE_INFINITY) kls.push(kl);
    }
    this.add(kls);
    return kls;
  }

  /** What was measured of a window. */
  add(kls: readonly number[]): void {
    for (const kl of kls) {
      this.kl.add(kl);
      this.max = Math.max(this.max, kl);
    }
    this.measured++;
  }

  get limits(): TextLimits {
    return limitsOf(this.rule, this.kl, this.max);
  }

  get floor(): TextFloor {
    const { twin, kl, max, measured: windows } = this;
    if (!twin || kl.count === 0) return { method: `not measured: ${this.why}`, windows, meanKl: null, maxKl: null };
    return { method: twin.method, windows, meanKl: kl.estimate().value, maxKl: max };
  }

  private isAccused(worst: number): boolean {
    return worst > this.limits.position && this.accused++ < ACCUSED;
  }
}
