import { join } from 'node:path';
import { type DumpMetadata, DumpWriter, type Tensor } from '@llama-probe/dump';
import type { Clock } from './clock.js';

/** A side's tensors on their way, kept as a dump where a directory is given. The dump exists only when it is whole. */
export class Kept {
  private readonly writer: DumpWriter | undefined;

  /** @throws DumpError at once where the directory cannot be written, before anything has run. */
  constructor(directory: string | undefined, name: string) {
    this.writer = directory === undefined ? undefined : new DumpWriter(join(directory, `${name}.arrow`));
  }

  /** @throws DumpError where the directory cannot be written */
  static check(directory: string | undefined): void {
    for (const name of ['candidate', 'reference']) new Kept(directory, name).abort();
  }

  async *pass(
    tensors: AsyncIterable<Tensor>,
    metadata: () => Promise<DumpMetadata>,
    clock: Clock,
  ): AsyncGenerator<Tensor> {
    const { writer } = this;
    if (!writer) {
      yield* tensors;
      return;
    }
    for await (const tensor of tensors) {
      clock.during('writing', () => writer.write(tensor));
      yield tensor;
    }
    const about = await metadata();
    clock.during('writing', () => writer.close(about));
  }

  /** Removes what is not whole. */
  abort(): void {
    this.writer?.abort();
  }
}
