import { shellWord } from '@llama-probe/comparison/ask';
import { listed } from './remarks.js';
import type { TensorReport, WeightsReport } from './report.js';

type Conclusion = Pick<WeightsReport, 'verdict' | 'reason' | 'next'>;

/** The answer to "is it the dequantisation?", and what to do next. */
export function conclude(tensors: readonly TensorReport[], file: string, adapter: string): Conclusion {
  const wrong = tensors.filter(({ engine }) => engine === 'differs');
  const left = tensors.filter(({ engine }) => engine === 'not-computed');
  const compared = tensors.length - left.length;
  const leftTypes = [...new Set(left.map(({ type }) => type))].join(', ');
  const notComputed =
    left.length > 0
      ? ` ${left.length} of ${tensors.length} tensors (${leftTypes}) were not computed by the engine.`
      : '';
  if (compared === 0) {
    return {
      verdict: 'nothing',
      reason: `No tensor could be compared: ${left[0]?.why ?? 'there is none'}. The statistics are ggml's.`,
      next: [`Compare with a file that has other types: probe weights --model ${shellWord(file)} --against OTHER`],
    };
  }
  const broken = tensors.find(({ statistics }) => (statistics?.nan ?? 0) + (statistics?.inf ?? 0) > 0);
  if (wrong.length > 0) return differing(wrong, file, adapter, notComputed);
  const signs = tensors.reduce((sum, { bits }) => sum + (bits?.zeroSigns ?? 0) + (bits?.flushed ?? 0), 0);
  const but =
    signs > 0 ? `, but for ${signs} zeros whose sign differs or that were subnormal, which no result shows` : '';
  const bad = broken
    ? ` But the file has NaN or infinities in it, first in ${broken.name}: no engine can be right with it.`
    : '';
  const same =
    compared === 1
      ? 'the tensor that was compared is, bit for bit, what ggml makes of it'
      : `all ${compared} tensors that were compared are, bit for bit, what ggml makes of them`;
  return {
    verdict: 'equal',
    reason: `The dequantisation is right: ${same}${but}.${notComputed}${bad}`,
    next: broken
      ? ['Download or convert the model again.']
      : [
          `Is it your own engine that is wrong? Write its dequantised weights as .npy files, one a tensor: probe weights --model ${shellWord(file)} --against FOLDER`,
          `Is it the file? Hold it to the original: probe weights --model ${shellWord(file)} --against model.safetensors`,
          `The weights are not to blame? Then find the stage: probe compare --model ${shellWord(file)}`,
        ],
  };
}

function differing(wrong: readonly TensorReport[], file: string, adapter: string, notComputed: string): Conclusion {
  const types = [...new Set(wrong.map(({ type }) => type))];
  const names = wrong.map(({ name }) => name);
  return {
    verdict: 'differ',
    reason: `The dequantisation is wrong on ${adapter}: ${wrong.length} tensors (${types.join(', ')}) are not what ggml makes of them: ${listed(names)}.${notComputed}`,
    next: [
      `Look at the values: probe weights --model ${shellWord(file)} --tensor ${shellWord(names[0] ?? '')} --values 64`,
      'Is it the adapter or the kernel? Try another one: --adapter swiftshader',
      `The kernels are in packages/engine/shaders/quant: ${types.map((type) => `${type.toLowerCase()}.wgsl`).join(', ')}.`,
    ],
  };
}
