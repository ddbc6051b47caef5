import { BUNDLED_MODEL } from '@llama-probe/comparison';
import type { Progress } from '@llama-probe/comparison/ask';
import {
  type CheckWeightsOptions,
  type CompareWeightsOptions,
  checkWeights,
  compareWeights,
  type WeightsComparison,
  type WeightsReport,
} from '@llama-probe/weights';

export { comparisonText, weightsText } from '@llama-probe/weights';

/** `probe weights`, of the bundled model unless another one is given. */
export const runWeights = (
  { model = BUNDLED_MODEL, ...options }: Omit<CheckWeightsOptions, 'model'> & { model?: string | undefined },
  progress: Progress,
  signal: AbortSignal,
): Promise<WeightsReport> => checkWeights({ ...options, model }, progress, signal);

/** `probe weights --against`, of the same model. */
export const runAgainst = (
  { model = BUNDLED_MODEL, ...options }: Omit<CompareWeightsOptions, 'model'> & { model?: string | undefined },
  progress: Progress,
  signal: AbortSignal,
): Promise<WeightsComparison> => compareWeights({ ...options, model }, progress, signal);
