// IQ3_XXS: w = d / 4·(2·scale + 1)·value, with signs. Header: two words for each chunk with the indices of its eight points; a word
// with four times seven signs and a scale of 4 bits; d. The codebook is iq3xxs_grid of ggml-common.h.
const HEADER: u32 = 7u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = f32;

@group(0) @binding(4) var<storage, read> codebook: array<u32>; // two points a word, of four weights each, three bits a weight

fn header_at(at: u32) -> Header {
  return unpack2x16float(weight_at(at, 6u).x).x;
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(h * 0.25, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let indices = (vec4u(weight_at(at, chunk / 2u)[chunk % 2u * 2u + part]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
  let points = vec4u(point(indices.x), point(indices.y), point(indices.z), point(indices.w));
  let word = weight_at(at, 4u + chunk / 4u)[chunk % 4u];
  let signs = even_signs(word >> (part * 14u)) | (even_signs(word >> (part * 14u + 7u)) << 8u);
  let scale = f32(word >> 28u) * 2.0 + 1.0;
  return scale * mat4x4f(
    values(points.x, signs),
    values(points.y, signs >> 4u),
    values(points.z, signs >> 8u),
    values(points.w, signs >> 12u),
  );
}

// The values of a point: 4, 12, 20, 28, 36, 44, 52 and 62.
fn values(codes: u32, signs: u32) -> vec4f {
  let c = three_bits(codes);
  return with_signs(4u + 8u * c + select(vec4u(), vec4u(2u), c == vec4u(7u)), signs);
}

fn point(index: u32) -> u32 {
  return point_of(codebook[index / 2u], index);
}
