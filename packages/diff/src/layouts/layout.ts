import type { Tensor } from '@llama-probe/dump';

/** A way to write rows that is no bug. */
export interface Layout {
  /** What was found and done. */
  readonly text: string;
  /** The rows as the reference writes them. */
  undo(tensor: Tensor): Tensor;
}
