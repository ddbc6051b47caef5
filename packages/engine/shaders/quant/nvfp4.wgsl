// NVFP4: w = scale / 2·table[q]. Header: a scale for each 16 weights, a float of four bits of exponent and three of fraction.
// Chunk: 32 nibbles, of each 16 weights eight in the low ones and eight in the high. The table is that of MXFP4, kvalues_mxfp4 of ggml-common.h.
const HEADER: u32 = 1u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = false;
const TABLE = vec4u(0x03020100u, 0x0c080604u, 0xfdfeff00u, 0xf4f8fafcu);
alias Header = vec4u;

fn header_at(at: u32) -> Header {
  return weight_at(at, 0u);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(1.0, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let scale = half_scale((h[chunk / 2u] >> (chunk % 2u * 16u + part * 8u)) & 255u);
  let words = weight_at(at, HEADER + chunk);
  let eight = select(words.xy, words.zw, part == 1u);
  return scale * table_bytes(vec4u(eight, eight >> vec2u(4u)) & vec4u(0x0f0f0f0fu), TABLE);
}

// Half of the scale, since the table is twice what the nibbles are. The pattern of a NaN is a zero, and the sign is not looked at.
fn half_scale(bits: u32) -> f32 {
  let exponent = (bits >> 3u) & 15u;
  let fraction = (bits & 7u) + select(8u, 0u, exponent == 0u);
  let power = bitcast<f32>((max(exponent, 1u) + 116u) << 23u); // 2^(exponent − 11)
  return select(f32(fraction) * power, 0.0, bits == 0x7fu);
}
