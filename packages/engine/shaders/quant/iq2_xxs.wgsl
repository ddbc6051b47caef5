// IQ2_XXS: w = d / 8·(2·scale + 1)·value, with signs. Header: two words for each chunk, in the first the indices of its four points,
// in the second four times seven signs and a scale of 4 bits; d. The codebook is iq2xxs_grid of ggml-common.h.
const HEADER: u32 = 5u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = f32;

@group(0) @binding(4) var<storage, read> codebook: array<u32>; // two points a word, of eight weights each, two bits a weight

fn header_at(at: u32) -> Header {
  return unpack2x16float(weight_at(at, 4u).x).x;
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(h * 0.125, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let words = weight_at(at, chunk / 2u);
  let indices = words[chunk % 2u * 2u] >> (part * 16u);
  let word = words[chunk % 2u * 2u + 1u];
  let codes = point(indices & 255u) | (point((indices >> 8u) & 255u) << 16u);
  let signs = even_signs(word >> (part * 14u)) | (even_signs(word >> (part * 14u + 7u)) << 8u);
  let scale = f32(word >> 28u) * 2.0 + 1.0;
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
