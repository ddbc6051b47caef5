import type { Tensor } from '@llama-probe/dump';
import { stageKey } from '@llama-probe/dump/stage';
import type { Hook } from '@llama-probe/engine';

/**
 * Feeds one run of the reference to an engine, as the rows that each stage goes on from, and to a comparison.
 *
 * Both read the same stream, whoever is first pulls: the engine asks for a layer's stages before it encodes them, and the comparison
 * asks for the next tensor. What one has not taken yet waits for it: as much as the engine records before it reads back, or a layer.
 *
 * @example
 * const teacher = new Teacher(reference.run(plan).tensors);
 * compare(engine.run({ ...plan, hook: teacher.hook }).tensors, teacher.tensors(), …)
 */
export class Teacher {
  /** Records every stage, then puts the reference's rows in its place. */
  readonly hook: Hook;
  private readonly source: AsyncIterator<Tensor>;
  private readonly rows = new Map<string, Tensor>(); // for the engine
  private readonly queue: Tensor[] = []; // for the comparison
  private pulling: Promise<boolean> | undefined;

  constructor(reference: AsyncIterable<Tensor>) {
    this.source = reference[Symbol.asyncIterator]();
    this.hook = {
      record: () => true,
      prepare: ({ step, layer, firstPosition }) =>
        this.pullUntil(rowsKey({ step, layer, stage: layer === null ? 'result_output' : 'l_out' }, firstPosition)),
      overwrite: (at) => {
        const key = rowsKey(at, at.firstPosition);
        const tensor = this.rows.get(key);
        if (!tensor) throw new Error(`the reference has no ${key}, so the engine cannot go on from it`);
        this.rows.delete(key);
        return tensor.values;
      },
    };
  }

  /** The reference's tensors, in its order. */
  async *tensors(): AsyncGenerator<Tensor> {
    try {
      for (;;) {
        const next = this.queue.shift();
        if (next) yield next;
        else if (!(await this.pull())) return;
      }
    } finally {
      await this.source.return?.();
    }
  }

  private async pullUntil(key: string): Promise<void> {
    while (!this.rows.has(key) && (await this.pull()));
  }

  /** Takes one tensor from the source, for both. @returns whether there was one */
  private pull(): Promise<boolean> {
    this.pulling ??= this.source.next().then(({ value, done }) => {
      this.pulling = undefined;
      if (done) return false;
      this.rows.set(rowsKey(value, value.tokens[0] ?? 0), value);
      this.queue.push(value);
      return true;
    });
    return this.pulling;
  }
}

const rowsKey = (at: Pick<Tensor, 'step' | 'layer' | 'stage'>, firstPosition: number): string =>
  `${stageKey(at)}/${firstPosition}`;
