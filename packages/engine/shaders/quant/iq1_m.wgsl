// IQ1_M: w = d·(2·scale + 1)·(value ± 1/8). Header: for each eight weights the lower eight bits of the index of a point; for each of
// them a nibble with the upper three and the sign of the eighth; four halves, each with four scales of 3 bits, one for 16 weights, and four
// bits of d. The codebook is iq1s_grid of ggml-common.h.
const HEADER: u32 = 4u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;

struct Header {
  bits: vec4u,   // of the points, and the signs: a half for each chunk
  scales: vec2u, // a half for each two chunks
  d: f32,
}

@group(0) @binding(4) var<storage, read> codebook: array<u32>; // two points a word, of eight weights each, two bits a weight

fn header_at(at: u32) -> Header {
  let scales = weight_at(at, 3u).xy;
  let d = ((scales.x >> 12u) & 0x000fu) | ((scales.x >> 24u) & 0x00f0u) | ((scales.y >> 4u) & 0x0f00u) | ((scales.y >> 16u) & 0xf000u);
  return Header(weight_at(at, 2u), scales, unpack2x16float(d).x);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(h.d, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let low = weight_at(at, chunk / 4u)[chunk % 4u] >> (part * 16u);
  let bits = h.bits[chunk / 2u] >> (chunk % 2u * 16u + part * 8u);
  let first = (low & 255u) | ((bits & 7u) << 8u);
  let second = ((low >> 8u) & 255u) | (((bits >> 4u) & 7u) << 8u);
  let a = point(first);
  let b = point(second);
  let shift_a = select(0.125, -0.125, (bits & 0x08u) != 0u);
  let shift_b = select(0.125, -0.125, (bits & 0x80u) != 0u);
  let scales = h.scales[chunk / 4u] >> (chunk / 2u % 2u * 16u);
  let scale = f32((scales >> (chunk % 2u * 6u + part * 3u)) & 7u) * 2.0 + 1.0;
  return scale * mat4x4f(values(a, shift_a), values(a >> 8u, shift_a), values(b, shift_b), values(b >> 8u, shift_b));
}

// The values of a point: -1, 0 and 1, and what they are shifted by.
fn values(codes: u32, shift: f32) -> vec4f {
  return vec4f(two_bits(codes)) - 1.0 + shift;
}

fn point(index: u32) -> u32 {
  return point_of(codebook[index / 2u], index);
}
