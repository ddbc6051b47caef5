import type { About, Pass } from '@llama-probe/comparison';
import type { Job } from '@llama-probe/comparison/ask';
import type { StageId, StageResult } from '@llama-probe/diff';
import type { Export } from '@llama-probe/report/outputs';
import type { End } from './conclusion.js';
import type { Key } from './keys.js';
import type { News, ReportHead, Request } from './worker/protocol.js';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export const SORTS = ['order', 'of limit', 'relative', 'local', 'stage'] as const;
export type Sort = (typeof SORTS)[number];

export const TABS = ['overview', 'values', 'tokens', 'heads', 'histogram', 'worst', 'row', 'facts'] as const;
export type Tab = (typeof TABS)[number];

/** A stage from near. */
export interface Detail {
  readonly at: StageId;
  readonly pass: Pass;
  readonly tab: Tab;
  /** The row that was asked for; null for the one with the largest delta. */
  readonly row: number | null;
  readonly head: number;
  readonly scroll: number;
  /** null until it has come. */
  readonly news: (News & { readonly type: 'detail' }) | null;
}

/** What lies over the screen and hears the keys first. */
export type Overlay =
  | { readonly kind: 'help'; readonly scroll: number }
  /** A word on the screen, and what it means. */
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'blame' }
  | { readonly kind: 'export'; readonly chosen: number }
  /** What the report says besides its verdict. */
  | { readonly kind: 'remarks'; readonly scroll: number }
  | {
      readonly kind: 'path';
      readonly output: Export;
      readonly path: string;
      /** The file is there: may it be replaced? */
      readonly replace: boolean;
      /** Why it could not be written. */
      readonly problem: string | null;
    };

/** Said when the comparing process would have to be asked. */
export const GONE = 'The comparing process is gone.';

export interface Change {
  readonly marks: ReadonlyMap<string, 'worse' | 'better'>;
  readonly summary: string;
}

export interface Notice {
  readonly text: string;
  readonly kind: 'good' | 'bad' | 'note';
}

/** Everything that is shown follows from this. */
export interface State {
  readonly size: Size;
  readonly job: Job;
  /** It is run again whenever something changes. */
  readonly watches: boolean;
  /** Milliseconds, of one clock. */
  readonly begun: number;
  readonly now: number;
  readonly run: number;
  readonly about: About | null;
  readonly progress: string;
  /** What has been done or waited for since the last report, each once, as it was said last. */
  readonly phases: readonly string[];
  /** By `stageKey`, in the order in which they came. */
  readonly stages: Readonly<Record<Pass, ReadonlyMap<string, StageResult>>>;
  readonly report: ReportHead | null;
  /** The last verdict before the run that is shown. */
  readonly previous: ReportHead | null;
  readonly written: readonly string[];
  /** What differs from the run before, by `stageKey`. */
  readonly change: Change | null;
  /** Why the last run could not be brought to its end. */
  readonly failure: { readonly message: string; readonly code: string | null } | null;
  /** A blaming run was asked for, and has not come to its end. */
  readonly isBlaming: boolean;
  /** The comparing process has ended: what is known is on the screen, and nobody can be asked. */
  readonly isGone: boolean;
  readonly pass: Pass;
  /** One step; or 'all', which shows each stage at the step that tells most. */
  readonly step: number | 'all';
  readonly focus: 'map' | 'table';
  /** The stage under the cursor; the layer is kept when the stage is the whole model's. */
  readonly cursor: { readonly stage: string; readonly layer: number };
  /** The cursor goes with what comes, until it is moved. */
  readonly follows: boolean;
  readonly sort: Sort;
  /** What inherits is one row of the table. */
  readonly folds: boolean;
  readonly filter: string;
  readonly isTyping: boolean;
  readonly detail: Detail | null;
  readonly overlay: Overlay | null;
  readonly notice: Notice | null;
}

/** What happens. */
export type Event =
  /** `end` is how far what was on the screen may be scrolled. */
  | { readonly type: 'key'; readonly key: Key; readonly end: number }
  | { readonly type: 'news'; readonly news: News }
  | { readonly type: 'size'; readonly size: Size }
  | { readonly type: 'tick'; readonly now: number };

/** What is to be done about it, besides showing the new state. */
export type Effect = Request | { readonly type: 'quit' } | { readonly type: 'suspend' } | { readonly type: 'redraw' };

export type Next = readonly [State, ...Effect[]];

export function begin(job: Job, watches: boolean, size: Size, now: number): State {
  return {
    size,
    job,
    watches,
    begun: now,
    now,
    run: 0,
    about: null,
    progress: 'starting',
    phases: ['starting'],
    stages: { free: new Map(), blame: new Map() },
    report: null,
    previous: null,
    written: [],
    change: null,
    failure: null,
    isBlaming: false,
    isGone: false,
    pass: 'free',
    step: 'all',
    focus: 'map',
    cursor: { stage: '', layer: 0 },
    follows: true,
    sort: 'order',
    folds: true,
    filter: '',
    isTyping: false,
    detail: null,
    overlay: null,
    notice: null,
  };
}

/** What stays when the view is left. If a further run had begun or failed, the last verdict that was shown stays. */
export function endOf({ report, previous, isBlaming, written, failure }: State): End {
  return {
    report: report ?? previous,
    isUnfinished: isBlaming || (report === null && previous !== null),
    written,
    failure,
  };
}
