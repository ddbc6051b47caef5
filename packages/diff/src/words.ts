import type { StageId } from '@llama-probe/dump/stage';
import type { StageResult } from './comparison.js';

/** A stage in words. @example describe({ step: 0, layer: 3, stage: 'kq' }) === 'kq of layer 3' */
export function describe({ step, layer, stage }: StageId): string {
  return `${stage}${layer === null ? '' : ` of layer ${layer}`}${step === 0 ? '' : ` at step ${step}`}`;
}

/** A limit as people write it. @example showLimit(1e-5) === '1e-5', showLimit(0.15) === '0.15' */
export function showLimit(limit: number): string {
  return limit < 1e-3 ? String(Number(limit.toPrecision(2)).toExponential()) : String(Number(limit.toPrecision(2)));
}

export const fromToken = ({ token }: Pick<StageResult, 'token'>): string => (token ? `, from token ${token} on` : '');

/** Which check a diverged stage failed. */
export function whyWrong({ reason, rel, limit }: Pick<StageResult, 'reason' | 'rel' | 'limit'>): string {
  return reason ?? `its relative RMS delta is ${rel.toExponential(1)}, the limit is ${showLimit(limit)}`;
}

/** @example short(1.23e-7) === '1.2e-7' */
export const short = (value: number): string => (value === 0 ? '0' : value.toExponential(1));
