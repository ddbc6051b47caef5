import type { Tensor } from '@llama-probe/dump';

/** A way to write rows that is no bug. */
export interface Layout {
  /** What was found and done. */
  readonly text: string;
  /** Q and K before and after their rotation were in half-split order, which an engine has them in from the beginning: its bugs are bugs in that order. */
  readonly pairs?: 'halves';
  /** The stages whose heads the candidate has in half-split order: places in them are told in that order, which its code counts in. */
  readonly halfSplit?: ReadonlySet<string>;
  /** The rows as the reference writes them. */
  undo(tensor: Tensor): Tensor;
}
