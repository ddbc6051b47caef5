import { isDeepStrictEqual } from 'node:util';
import type { Pass } from '@llama-probe/comparison';
import type { StageResult } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';
import type { News } from './protocol.js';

const EVERY = 30; // ms between two batches
const AT_ONCE = 200; // stages: some milliseconds of reading on the other side

/** Sends what is found about stages in batches, in order with everything else that is sent. */
export class Outbox {
  private readonly waiting = new Map<string, StageResult>();
  private readonly known = new Map<string, StageResult>(); // of the free pass, as the other side has them
  private pass: Pass = 'free';
  private sent = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly post: (news: News) => void) {}

  /** A later result of a stage says more about it, and replaces an earlier one that still waits. */
  stage(pass: Pass, result: StageResult): void {
    if (pass !== this.pass) this.flush();
    this.pass = pass;
    this.waiting.set(stageKey(result), result);
    // No timer gets its turn while tensors come without a pause.
    if (performance.now() - this.sent > EVERY || this.waiting.size >= AT_ONCE) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), EVERY);
  }

  /** Sends something else, after every stage that came before it. */
  send(news: News): void {
    this.flush();
    this.post(news);
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting.size === 0) return;
    this.sent = performance.now();
    if (this.pass === 'free') for (const [key, result] of this.waiting) this.known.set(key, result);
    this.post({ type: 'stages', pass: this.pass, stages: [...this.waiting.values()] });
    this.waiting.clear();
  }

  /** Whether the other side has another result of a stage, or none. */
  isNews(result: StageResult): boolean {
    return !isDeepStrictEqual(this.known.get(stageKey(result)), result);
  }

  /** Forgets what still waits, and what was sent: another run begins. */
  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting.clear();
    this.known.clear();
  }
}
