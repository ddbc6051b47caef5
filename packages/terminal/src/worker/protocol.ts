import type { About, Changes, Pass, Report } from '@llama-probe/comparison';
import type { Job } from '@llama-probe/comparison/ask';
import type { StageDetail, StageId, StageResult } from '@llama-probe/diff';
import type { Export, OutputOptions } from '@llama-probe/report/outputs';

/** A report without its stages: those come before it, a few at a time, so that no message keeps the keyboard waiting. */
export type ReportHead = Omit<Report, 'stages'>;

/** A row of a stage on both sides. */
export interface Row {
  /** Which of the stage's rows. */
  readonly index: number;
  readonly token: number;
  readonly candidate: Float32Array; // (width)
  readonly reference: Float32Array; // (width)
}

/** What the process that compares says. */
export type News =
  /** A run begins; nothing that was known of the one before holds any more. */
  | { readonly type: 'begin'; readonly run: number; readonly about: About }
  | { readonly type: 'progress'; readonly text: string }
  /** What is known by now of these stages. */
  | { readonly type: 'stages'; readonly pass: Pass; readonly stages: readonly StageResult[] }
  /** The run has ended. `written` are the files that were asked for with the command, `changes` what differs from the run before. */
  | {
      readonly type: 'report';
      readonly report: ReportHead;
      readonly written: readonly string[];
      readonly changes: Changes | null;
    }
  /** The run could not be brought to its end; `fatal` if no other run follows. */
  | { readonly type: 'failed'; readonly message: string; readonly code: string | null; readonly fatal: boolean }
  /** `row` is null if the values were not kept, `detail` if nothing of the stage was compared. */
  | {
      readonly type: 'detail';
      readonly pass: Pass;
      readonly at: StageId;
      readonly detail: StageDetail | null;
      readonly row: Row | null;
    }
  | { readonly type: 'exported'; readonly path: string }
  | { readonly type: 'not-exported'; readonly path: string; readonly reason: string; readonly exists: boolean };

/** What the process that draws asks for. */
export type Request =
  | { readonly type: 'run'; readonly job: Job; readonly options: OutputOptions; readonly watch: boolean }
  /** Again, with blame. */
  | { readonly type: 'blame' }
  /** `row` of the stage's rows, or the one with the largest delta. */
  | { readonly type: 'detail'; readonly pass: Pass; readonly at: StageId; readonly row: number | null }
  | { readonly type: 'export'; readonly output: Export; readonly path: string; readonly replace: boolean }
  | { readonly type: 'stop' };
