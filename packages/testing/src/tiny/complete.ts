import { f32, type GgufParts, type GgufValue, text, u32 } from '../gguf.js';
import { randomFrom } from '../seeded.js';
import { type TinyArchitecture, tinyArchitecture } from './architectures.js';

/** The experts' matrices are multiplied by it: some values lie beyond the bounds of gpt-oss's unit, and what comes out is as large as it was. */
const FACTORS = { ffn_gate_exps: 4, ffn_up_exps: 4, ffn_down_exps: 1 / 16 };

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
    const factor = Object.entries(FACTORS).find(([part]) => name.endsWith(`${part}.weight`))?.[1] ?? 1;
    const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
    for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * factor;
  }
  return parts;
}
