import type { Floors, LimitRule } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';

/** Where the floors of a side come from. */
export type FloorSource =
  /** It brings them along. */
  | { readonly kind: 'known'; readonly method: string; readonly rule: LimitRule; readonly floors: Floors }
  /** They are its distance from another run of the same. */
  | {
      readonly kind: 'measured';
      readonly method: string;
      readonly rule: LimitRule;
      /** What they depend on: the same key, the same floors. */
      readonly key: readonly unknown[];
      open(say: (message: string) => void): Promise<{
        readonly tensors: AsyncIterable<Tensor>;
        close(): Promise<void>;
      }>;
    }
  | { readonly kind: 'none'; readonly why: string; readonly rule: LimitRule };
