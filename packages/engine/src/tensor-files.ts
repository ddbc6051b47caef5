import { type FileHandle, open } from 'node:fs/promises';
import { ModelError } from './errors.js';
import type { TensorInfo } from './gguf.js';

/** Reads the bytes of tensors out of a model's files, each of which is opened once. Close it. */
export class TensorFiles {
  private readonly opened = new Map<string, Promise<FileHandle>>();

  /**
   * Fills `into` with a tensor's bytes.
   *
   * @param from how many of them are before those that are wanted
   * @throws ModelError `model-truncated` where the file has become shorter
   */
  async read(
    { name, path, offset }: Pick<TensorInfo, 'name' | 'path' | 'offset'>,
    into: Uint8Array,
    from = 0,
  ): Promise<void> {
    const opening = this.opened.get(path) ?? open(path, 'r');
    this.opened.set(path, opening);
    const file = await opening;
    for (let at = 0; at < into.length; ) {
      const { bytesRead } = await file.read(into, at, into.length - at, offset + from + at);
      if (bytesRead === 0) {
        throw new ModelError(
          'model-truncated',
          `${path}: became shorter while ${name} was read. Download or copy it again.`,
        );
      }
      at += bytesRead;
    }
  }

  async close(): Promise<void> {
    for (const opening of this.opened.values()) await (await opening).close();
  }
}
