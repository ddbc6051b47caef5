import type { Reading } from './block-parts.js';

/** How one block is read: how many weights it holds, in how many bytes, and what weight `i` of the block at `at` is. */
export interface Block {
  readonly elements: number;
  readonly bytes: number;
  weight(bytes: DataView, at: number, i: number, r: Reading): number;
}
