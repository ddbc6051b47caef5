// IQ1_S: w = d·(2·scale + 1)·(value ± 1/8). Header: for each eight weights the lower eight bits of the index of a point; a half for
// each chunk with the upper three bits of its four points, a scale of 3 bits and the sign of the eighth; d.
// The codebook is iq1s_grid of ggml-common.h.
const HEADER: u32 = 4u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;

struct Header {
  bits: vec4u, // a half for each chunk
  d: f32,
}

@group(0) @binding(4) var<storage, read> codebook: array<u32>; // two points a word, of eight weights each, two bits a weight

fn header_at(at: u32) -> Header {
  return Header(weight_at(at, 2u), unpack2x16float(weight_at(at, 3u).x).x);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  let bits = h.bits[chunk / 2u] >> (chunk % 2u * 16u);
  return vec2f(h.d * (f32((bits >> 12u) & 7u) * 2.0 + 1.0), 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let low = weight_at(at, chunk / 4u)[chunk % 4u] >> (part * 16u);
  let bits = h.bits[chunk / 2u] >> (chunk % 2u * 16u);
  let first = (low & 255u) | (((bits >> (part * 6u)) & 7u) << 8u);
  let second = ((low >> 8u) & 255u) | (((bits >> (part * 6u + 3u)) & 7u) << 8u);
  let codes = point(first) | (point(second) << 16u);
  let shift = select(0.125, -0.125, (bits & 0x8000u) != 0u);
  return mat4x4f(values(codes, shift), values(codes >> 8u, shift), values(codes >> 16u, shift), values(codes >> 24u, shift));
}

// The values of a point: -1, 0 and 1, and what they are shifted by.
fn values(codes: u32, shift: f32) -> vec4f {
  return vec4f(two_bits(codes)) - 1.0 + shift;
}

fn point(index: u32) -> u32 {
  return point_of(codebook[index / 2u], index);
}
