import type { Comparison } from '@llama-probe/diff';

/** What a side says, greedily. */
export interface Generated {
  readonly tokens: readonly number[];
  /** null where the model has no vocabulary. */
  readonly text: string | null;
}

/** Everything that a comparison has to say: what `--json` prints, and what every other output is drawn from. */
export interface Report extends Comparison {
  readonly schema: 1;
  readonly model: {
    readonly file: string;
    readonly arch: string;
    readonly quantization: string;
    readonly layers: number | null;
    readonly bytes: number | null;
  };
  readonly tokens: readonly number[];
  readonly reference: {
    readonly name: string;
    readonly version: string;
    readonly mode: string;
    /** Why this mode. */
    readonly why?: string;
    readonly cpuVariant?: string;
    /** llama.cpp chose the same tokens with and without being watched. */
    readonly callbackChangesNothing?: boolean;
  };
  readonly candidate: { readonly name: string; readonly backend: string; readonly adapter: string };
  /** What both sides say after the prompt, greedily. */
  readonly generated: { readonly candidate: Generated; readonly reference: Generated } | null;
  /** The texts of `logits.topK`. */
  readonly top: {
    readonly candidate: readonly (string | null)[];
    readonly reference: readonly (string | null)[];
  } | null;
  /** Milliseconds. */
  readonly timings: Readonly<Record<string, number>>;
  /** Bytes on the GPU. */
  readonly memory?: { readonly weights: number; readonly state: number; readonly arena: number };
}
