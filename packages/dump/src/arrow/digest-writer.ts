import { describeDigest, digestOf, type RowDigests } from '../digest.js';
import type { DumpMetadata } from '../metadata.js';
import type { Tensor } from '../tensor.js';
import { DIGESTS } from './batch.js';
import { ArrowFile } from './file-writer.js';

const GATHERED = 8192; // rows of a record batch

/**
 * Writes a digest: a dump with a hash of each row in place of its values, under a temporary name until it is whole.
 *
 * @throws DumpError `dump-unwritable` or `dump-full`; the partial file is removed then.
 * @example
 * const digest = new DigestWriter('monday.arrow', 32);
 * for await (const tensor of run.tensors) digest.write(tensor);
 * digest.close({ producer: { name: 'my-engine', version: '1' }, tokens: [1, 15043] });
 */
export class DigestWriter extends ArrowFile<RowDigests> {
  private gathered: RowDigests[] = [];
  private rows = 0;

  /** @param heads of the scores, so that what a mask hides of `kq` is not hashed; where it is unknown, it is */
  constructor(
    path: string,
    private readonly heads: number | undefined,
  ) {
    super(DIGESTS, path);
  }

  /** Its values may be reused when this returns. */
  write(tensor: Tensor): void {
    this.add(digestOf(tensor, this.heads));
  }

  /** The same of rows that are hashed already, with the same heads. */
  add(rows: RowDigests): void {
    this.gathered.push(rows);
    this.rows += rows.digests.length;
    if (this.rows >= GATHERED) this.flush();
  }

  /** What explains values, floors and graph, is left out of the metadata. */
  override close({ floors: _, graph: __, ...metadata }: DumpMetadata): void {
    this.flush();
    super.close({ ...metadata, digest: describeDigest(this.heads) });
  }

  private flush(): void {
    if (this.gathered.length > 0) this.writeBatch(this.gathered);
    this.gathered = [];
    this.rows = 0;
  }
}
