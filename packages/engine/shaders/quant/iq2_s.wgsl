// IQ2_S: w = d / 8·(2·scale + 1)·value, with signs. Header: for each eight weights the lower eight bits of the index of a point;
// eight signs; then a byte for each chunk with the upper two bits of its four points, and one with two scales of 4 bits; d.
// The codebook is iq2s_grid of ggml-common.h.
const HEADER: u32 = 6u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;

struct Header {
  bits: vec4u, // x and y: upper bits of the points, z and w: scales
  d: f32,
}

@group(0) @binding(4) var<storage, read> codebook: array<u32>; // two points a word, of eight weights each, two bits a weight

fn header_at(at: u32) -> Header {
  return Header(weight_at(at, 4u), unpack2x16float(weight_at(at, 5u).x).x);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(h.d * 0.125, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let low = weight_at(at, chunk / 4u)[chunk % 4u] >> (part * 16u);
  let high = h.bits[chunk / 4u] >> (chunk % 4u * 8u + part * 4u);
  let first = (low & 255u) | ((high & 3u) << 8u);
  let second = ((low >> 8u) & 255u) | (((high >> 2u) & 3u) << 8u);
  let codes = point(first) | (point(second) << 16u);
  let signs = weight_at(at, 2u + chunk / 4u)[chunk % 4u] >> (part * 16u);
  let scale = f32((h.bits[2u + chunk / 4u] >> (chunk % 4u * 8u + part * 4u)) & 15u) * 2.0 + 1.0;
  return scale * mat4x4f(
    values(codes, signs),
    values(codes >> 8u, signs >> 4u),
    values(codes >> 16u, signs >> 8u),
    values(codes >> 24u, signs >> 12u),
  );
}

// The values of a point: 8, 25 and 43.
fn values(codes: u32, signs: u32) -> vec4f {
  let c = two_bits(codes);
  return with_signs(8u + 17u * c + (c >> vec4u(1u)), signs);
}

fn point(index: u32) -> u32 {
  return point_of(codebook[index / 2u], index);
}
