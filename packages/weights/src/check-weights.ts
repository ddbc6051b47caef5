import type { Progress } from '@llama-probe/comparison/ask';
import { type AdapterKind, openDequantizer, openGguf, TensorFiles } from '@llama-probe/engine';
import { openGgmlWeights } from '@llama-probe/reference';
import { checkTensor } from './check-tensor.js';
import { conclude } from './conclude.js';
import { duplicatesOf } from './duplicates.js';
import { modelOf } from './model.js';
import { Turns } from './pieces.js';
import { remarksOn } from './remarks.js';
import type { TensorReport, WeightsReport } from './report.js';
import { selected } from './select.js';

export interface CheckWeightsOptions {
  readonly model: string;
  readonly adapter?: AdapterKind | 'auto' | undefined;
  /** Names or patterns, with commas between them; all tensors without it. */
  readonly tensor?: string | undefined;
  /** How many of the first values of each tensor are wanted. */
  readonly values?: number | undefined;
}

/**
 * Every tensor of a GGUF file dequantised by the engine's own kernels on the GPU and by ggml, bit for bit, and what its values are like. The file
 * is read once, in pieces; a model of any architecture can be read.
 *
 * @throws ModelError, UsageError, NoAdapterError, UnsupportedLibraryError; whatever the signal says
 * @example (await checkWeights({ model: 'model.gguf' }, progress, signal)).verdict === 'equal'
 */
export async function checkWeights(
  options: CheckWeightsOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<WeightsReport> {
  const gguf = await openGguf(options.model);
  const names = selected([...gguf.tensors.keys()], options.tensor, gguf.path);
  const asked = [...gguf.tensors.values()].filter(({ name }) => names.has(name));
  const total = asked.reduce((sum, { bytes }) => sum + bytes, 0);
  progress.say('opening a WebGPU adapter');
  const engine = await openDequantizer({ adapter: options.adapter ?? 'auto' });
  const ggml = await openGgmlWeights({ signal }).catch((error: unknown) => {
    engine.close();
    throw error;
  });
  const files = new TensorFiles();
  try {
    const memory = { file: new Turns(), engine: new Turns(), ggml: new Turns() };
    const tensors: TensorReport[] = [];
    let done = 0;
    for (const tensor of asked) {
      const onBytes = (bytes: number) => {
        signal.throwIfAborted();
        done += bytes;
        progress.say(`dequantising weights: ${Math.floor((100 * done) / total)} %`);
      };
      tensors.push(await checkTensor({ files, engine, ggml, memory }, tensor, options.values ?? 0, onBytes));
    }
    const duplicates = duplicatesOf(tensors);
    return {
      schema: 1,
      ...conclude(tensors, gguf.path, engine.adapter.name),
      model: modelOf(gguf),
      reference: { name: 'llama.cpp', version: ggml.version },
      candidate: { name: 'llama-probe', adapter: engine.adapter.name },
      tensors,
      duplicates,
      remarks: remarksOn(tensors, duplicates),
    };
  } finally {
    await files.close();
    await ggml.close();
    engine.close();
  }
}
