import type { Tensor } from '@llama-probe/dump';

/** A way to write rows that is no bug. */
export interface Layout {
  /** What was found and done. */
  readonly text: string;
  /** Q and K before and after their rotation were in half-split order, which an engine has them in from the beginning: its bugs are bugs in that order. */
  readonly pairs?: 'halves';
  /** The rows as the reference writes them. */
  undo(tensor: Tensor): Tensor;
}
