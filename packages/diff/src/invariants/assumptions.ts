import type { CheckName, LeftOut } from './broken.js';

/** A model's hyperparameters under GGUF's names without the architecture, such as `attention.causal`, as far as they are known. */
export type Hyperparameters = Readonly<Record<string, unknown>>;

/** Checks that take a hyperparameter for granted; what it is where they do not hold. */
interface Assumption {
  readonly checks: readonly CheckName[];
  /** Why they do not hold; undefined where they do. */
  broken(hyperparameters: Hyperparameters): string | undefined;
}

const ASSUMPTIONS: readonly Assumption[] = [
  {
    checks: ['softmax-mask', 'first-value', 'attention-first', 'cache'],
    broken: (hyperparameters) =>
      isCausal(hyperparameters) ? undefined : 'attention.causal is false: tokens see those after them',
  },
];

/** Whether tokens see only those before them. */
export const isCausal = ({ 'attention.causal': causal }: Hyperparameters): boolean => causal !== false;

/**
 * Whether a rotation may multiply all values with one number: YaRN's attention factor (Peng et al. 2023, arXiv:2309.00071, §3.4), which
 * longrope has too, or `rope.scaling.attn_factor`.
 */
export function mayScaleRotated({
  'rope.scaling.type': type,
  'rope.scaling.attn_factor': factor,
}: Hyperparameters): boolean {
  return type === 'yarn' || type === 'longrope' || (factor !== undefined && factor !== 1);
}

/** The checks that do not hold of a model with these hyperparameters. */
export function leftOut(checks: Iterable<CheckName>, hyperparameters: Hyperparameters): LeftOut[] {
  const held = new Set(checks);
  return ASSUMPTIONS.flatMap((assumption) => {
    const reason = assumption.broken(hyperparameters);
    return reason === undefined
      ? []
      : assumption.checks.filter((check) => held.has(check)).map((check) => ({ check, reason }));
  });
}
