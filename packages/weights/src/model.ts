import type { GgufFile } from '@llama-probe/engine';
import type { WeightsReport } from './report.js';

/** What a report says of the file. */
export function modelOf(gguf: GgufFile): WeightsReport['model'] {
  const types: Record<string, number> = {};
  for (const { type } of gguf.tensors.values()) types[type.name] = (types[type.name] ?? 0) + 1;
  const architecture = gguf.metadata['general.architecture'];
  return {
    file: gguf.path,
    bytes: gguf.bytes,
    architecture: typeof architecture === 'string' ? architecture : 'unknown',
    tensors: gguf.tensors.size,
    types,
  };
}
