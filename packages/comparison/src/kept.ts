import { join } from 'node:path';
import { type DumpMetadata, DumpWriter, type Tensor } from '@llama-probe/dump';

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

  async *pass(tensors: AsyncIterable<Tensor>, metadata: () => Promise<DumpMetadata>): AsyncGenerator<Tensor> {
    for await (const tensor of tensors) {
      this.writer?.write(tensor);
      yield tensor;
    }
    this.writer?.close(await metadata());
  }

  /** Removes what is not whole. */
  abort(): void {
    this.writer?.abort();
  }
}
