import type { StageResult } from '@llama-probe/diff';
import type { Baseline } from '../../src/baseline/baseline.js';
import { PROJECTIONS } from '../../src/baseline/projections.js';

const projected = (value: number) => Array.from({ length: PROJECTIONS }, (_, j) => value * (j + 1));
/** A stage as a baseline remembers it. */
export const stage = (name: string, layer: number | null, rel: number, floor: number | null = 1e-7, step = 0) => ({
  ...{
    step,
    order: 1,
    layer,
    stage: name,
    rows: 2,
    width: 4,
    values: 8,
    mean: 0.1,
    rms: 1,
    absMax: 2,
    referenceRms: 1,
  },
  ...{ rel, floor, limit: 1e-5, hash: 'ab'.repeat(16), reference: projected(0.1) },
});
export const baseline = (stages: Baseline['stages']): Baseline => ({
  name: 'm-hello',
  version: '0.1.0',
  model: { file: 'm.gguf', hash: 'abc', quantize: null, arch: 'llama', quantization: 'F16', layers: 2 },
  tokens: [1, 2],
  steps: 0,
  prompt: 'def',
  reference: { name: 'llama.cpp', version: 'v1', mode: 'exact' },
  candidate: { name: 'llama-probe', backend: 'WebGPU', adapter: 'some' },
  floors: { method: 'this against that', margin: 10, minimum: 1e-5 },
  stages,
});
/** A stage as a run has found it. */
export const result = (name: string, layer: number | null, rel: number, floor: number | null = 1e-7, step = 0) =>
  ({ step, layer, stage: name, rel, floor, verdict: 'agree', local: null }) as StageResult;
