import type { Tensor } from '@llama-probe/dump';
import type { Pass } from '../capture/passes.js';
import { Spool } from './spool.js';

/**
 * The rows that a run goes on from, for each pass: they come pass by pass, and a block needs those of all passes before the next block does. Those of a
 * single pass are read as they are needed; of more, all are read at first.
 */
export class GivenPasses {
  private readonly spool = new Spool();
  private isRead = false;
  private isSingle = true;

  /** @param next reads the stream; undefined at its end */
  constructor(private readonly next: () => Tensor | undefined) {}

  /** Announces the passes of a run, or of the same run made again. */
  cut(passes: readonly Pass[]): void {
    this.isSingle = passes.length === 1;
    if (this.isSingle || this.isRead) return;
    const ends = passes.map(({ first, ids }) => first + ids.length);
    for (let tensor = this.next(); tensor; tensor = this.next()) {
      const { positions } = tensor;
      const last = positions[positions.length - 1] ?? 0;
      const pass = ends.findIndex((end) => last < end);
      this.spool.put(pass < 0 ? passes.length - 1 : pass, tensor);
    }
    this.isRead = true;
  }

  /** What reads those of one pass; undefined at their end. */
  reader(pass: number): () => Tensor | undefined {
    if (this.isSingle) return this.next;
    const rows = this.spool.read(pass);
    return () => rows.next().value || undefined;
  }

  close(): void {
    this.spool.close();
  }
}
