import { writevSync } from 'node:fs';
import { AsyncByteQueue } from 'apache-arrow';

/**
 * Where Arrow's writers put their bytes: straight to a file descriptor, synchronously, one `writev` per record batch.
 *
 * Synchronous because llama.cpp's callback is: it waits here while the reader of a pipe is busy, and a full disk is
 * an error at the tensor that did not fit.
 */
export class DescriptorSink extends AsyncByteQueue {
  bytes = 0;
  private pending: Uint8Array[] = [];

  constructor(private readonly descriptor: number) {
    super();
  }

  override write(chunk: Uint8Array): void {
    this.pending.push(chunk);
  }

  flush(): void {
    let chunks = this.pending;
    this.pending = [];
    while (chunks.length > 0) {
      let written: number;
      try {
        written = writevSync(this.descriptor, chunks.slice(0, 512)); // IOV_MAX is 1024 on Linux
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        continue;
      }
      this.bytes += written;
      chunks = after(chunks, written);
    }
  }
}

/** What is left of the chunks after the first `count` bytes. */
function after(chunks: Uint8Array[], count: number): Uint8Array[] {
  let first = 0;
  let rest = count;
  for (; first < chunks.length && rest >= (chunks[first] as Uint8Array).byteLength; first++) {
    rest -= (chunks[first] as Uint8Array).byteLength;
  }
  const left = chunks.slice(first);
  if (rest > 0 && left[0]) left[0] = left[0].subarray(rest);
  return left;
}
