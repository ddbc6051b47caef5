import type { Comparison, Observation, TokenDiagnosis, Unseen } from '@llama-probe/diff';
import type { Diagnosis } from '@llama-probe/oracle';
import type { Checks } from './checks.js';
import type { Decode } from './decode.js';
import type { NamedFault } from './run/forced.js';

/** What a side says, greedily. */
export interface Generated {
  readonly tokens: readonly number[];
  /** null where the model has no vocabulary. */
  readonly text: string | null;
}

/** Everything that a comparison has to say: what `--json` prints, and what every other output is drawn from. */
export interface Report extends Omit<Comparison, 'greedy'> {
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
    /** llama.cpp's logits are the same, bit for bit, with and without being watched. */
    readonly callbackChangesNothing?: boolean;
  };
  readonly candidate: {
    readonly name: string;
    readonly backend: string;
    readonly adapter: string;
    /** The known bugs that were put into its run. */
    readonly injected?: readonly string[];
  };
  /** How the limits came about: a multiple of the floor, and a minimum. */
  readonly floors: { readonly method: string; readonly margin: number; readonly minimum: number };
  /** The stages that are wrong from the reference's inputs; null where that was not run. */
  readonly faults: readonly NamedFault[] | null;
  readonly decode: Decode;
  /** What holds of each side by itself. */
  readonly checks: Checks;
  /** Which known bug computes the numbers of the first wrong stage; null where that was not tried. */
  readonly diagnosis: Diagnosis | null;
  /** In what the two token lists differ; null where they are the same. */
  readonly tokenDiagnosis: TokenDiagnosis | null;
  /** What is remarkable about the candidate's numbers, beside the reference's: facts, and no verdict. */
  readonly observations: readonly Observation[];
  /** What these tokens cannot show. */
  readonly unseen: readonly Unseen[];
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
