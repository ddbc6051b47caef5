import { f32, type GgufParts, type GgufValue, text, u32 } from '../gguf.js';
import { randomFrom } from '../seeded.js';
import { type TinyArchitecture, tinyArchitecture } from './architectures.js';

/** So many times as large as what a unit is bounded to needs: some values of each row lie beyond. */
const BEYOND_BOUNDS = 4;

/** What lets each part of an architecture show: keys of its own, in layers with a window and in one without. */
const ALSO: Readonly<Partial<Record<TinyArchitecture, Readonly<Record<string, GgufValue>>>>> = {
  qwen3: { 'rope.freq_base': f32(1e6), 'attention.layer_norm_rms_epsilon': f32(1e-6) },
  gemma3: { 'attention.sliding_window_pattern': u32(2) },
  'gpt-oss': {
    'rope.scaling.type': text('yarn'),
    'rope.scaling.factor': f32(4),
    'rope.scaling.original_context_length': u32(1024), // the ramp is in the middle of a head
  },
};

/** A random model of three layers in which every part of the architecture changes the numbers; the same one each time. */
export function completeArchitecture(architecture: TinyArchitecture): GgufParts {
  const parts = tinyArchitecture(architecture, randomFrom(5), { layers: 3, also: ALSO[architecture] ?? {} });
  for (const { name, data } of parts.tensors) {
    if (!/ffn_(gate|up)_exps\.weight$/.test(name)) continue;
    const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
    for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * BEYOND_BOUNDS;
  }
  return parts;
}
