// IQ2_XS: w = d / 8·(2·scale + 1)·value, with signs. Header: for each eight weights the index of a point in nine bits, and seven
// signs; eight bytes with a scale of 4 bits for each 16 weights; d. The codebook is iq2xs_grid of ggml-common.h.
const HEADER: u32 = 5u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = vec4u;

@group(0) @binding(4) var<storage, read> codebook: array<u32>; // two points a word, of eight weights each, two bits a weight

fn header_at(at: u32) -> Header {
  return weight_at(at, 4u);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(half_at(h, 4u) * 0.125, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let word = weight_at(at, chunk / 2u)[chunk % 2u * 2u + part];
  let codes = point(word & 511u) | (point((word >> 16u) & 511u) << 16u);
  let signs = even_signs(word >> 9u) | (even_signs(word >> 25u) << 8u);
  let scale = f32((h[chunk / 4u] >> (chunk % 4u * 8u + part * 4u)) & 15u) * 2.0 + 1.0;
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
