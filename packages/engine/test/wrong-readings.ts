import type { WeightType } from '../src/mul-mat.js';

/** One wrong operation for each line of a type's shader that could be wrong without failing to compile. */
// biome-ignore format: a table
export const WRONG_READINGS: ReadonlyArray<[type: WeightType, right: string, wrong: string]> = [
  ['Q4_0', 'EXCESS: f32 = 8.0', 'EXCESS: f32 = 7.0'],
  ['Q5_0', 'EXCESS: f32 = 16.0', 'EXCESS: f32 = 15.0'],
  ['Q6_K', 'less(q, 32.0)', 'less(q, 31.0)'],
  ['Q2_K', 'h.d.x * f32(byte & 15u)', 'h.d.x * f32(byte & 7u)'],
  ['Q2_K', '(byte >> 4u) & 15u', 'byte & 15u'],
  ['Q2_K', 'part * 8u', '0u'],
  ['Q2_K', 'chunk / 4u * 2u + part', 'chunk / 4u + part'],
  ['Q2_K', 'chunk % 4u * 2u)', 'chunk % 4u)'],
  ['Q2_K', 'minimum);', '-minimum);'],
  ['Q3_K', 'i / 4u % 2u', '0u'],
  ['Q3_K', 'i / 8u * 4u', '0u'],
  ['Q3_K', 'i / 4u * 2u', '0u'],
  ['Q3_K', 'high << 4u', 'high << 3u'],
  ['Q3_K', '- 32.0', '- 31.0'],
  ['Q3_K', 'weight[at + part] >> vec4u(chunk)', 'weight[at + part] >> vec4u(0u)'],
  ['Q3_K', 'less(unsigned_bytes(low | high), 4.0)', 'unsigned_bytes(low | high)'],
  ['IQ4_NL', '0xbfad9881u', '0xbfad9880u'],
  ['IQ4_NL', 'half_at(h, chunk)', 'half_at(h, 0u)'],
  ['IQ4_XS', '0x71594535u', '0x72594535u'],
  ['IQ4_XS', 'h.y >> (chunk * 4u)', 'h.y >> (chunk * 2u)'],
  ['IQ4_XS', '16u + chunk * 2u', 'chunk * 2u'],
  ['IQ4_XS', '- 32.0', '- 0.0'],
  ['MXFP4', '0xf4f8fafcu', '0xf4f8fafbu'],
  ['MXFP4', 'chunk % 2u * 16u', '0u'],
  ['MXFP4', 'e + 63u', 'e + 64u'],
  ['MXFP4', 'magnitude << vec4u(21u)', 'magnitude << vec4u(22u)'],
  ['MXFP4', 'min(e, 4u)', '0u'],
  ['MXFP4', 'vec4u(0x80000000u)', 'vec4u()'],
];
