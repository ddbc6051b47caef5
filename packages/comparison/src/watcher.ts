import { Details, type Heads, type RowPair, type StageResult } from '@llama-probe/diff';
import type { Report } from './report.js';

/** `free`: each side goes on with what it computed itself. `blame`: every stage starts from the reference's inputs. */
export type Pass = 'free' | 'blame';

/** What is known of a comparison when it begins. */
export interface About extends Pick<Report, 'model' | 'tokens' | 'reference' | 'candidate'> {
  readonly heads: Heads;
  /** The names of the stages that are compared, in evaluation order; null where only the dumps know. */
  readonly stages: readonly string[] | null;
  /** The layers that are compared; null for all. */
  readonly layers: readonly number[] | null;
  /** How many tokens are decoded after the prompt; null where only the dumps know. */
  readonly steps: number | null;
}

/** Looks on while a comparison runs. */
export interface Watcher {
  begin(about: About): void;
  /** A piece of a stage has come: what is found about the stage so far, and the rows of the piece. */
  stage(pass: Pass, result: StageResult, rows: readonly RowPair[]): void;
}

/** Keeps a closer look at every stage of both passes, for what is drawn from a report. */
export class Recorder implements Watcher {
  about: About | undefined;
  private readonly looks = new Map<Pass, Details>();

  begin(about: About): void {
    this.about = about;
    this.looks.clear();
  }

  stage(pass: Pass, result: StageResult, rows: readonly RowPair[]): void {
    this.details(pass).add(result, rows);
  }

  details(pass: Pass): Details {
    const known = this.looks.get(pass);
    if (known) return known;
    const details = new Details(this.about?.heads);
    this.looks.set(pass, details);
    return details;
  }
}
