// IQ3_S: w = d·(2·scale + 1)·value, with signs. Header: for each four weights the lower eight bits of the index of a point; a sign
// for each weight; a byte for each chunk with the ninth bits of its eight points; a word with eight scales of 4 bits; d.
// The codebook is iq3s_grid of ggml-common.h.
const HEADER: u32 = 7u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = vec4u;

@group(0) @binding(4) var<storage, read> codebook: array<u32>; // two points a word, of four weights each, three bits a weight

fn header_at(at: u32) -> Header {
  return weight_at(at, 6u);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(half_at(h, 6u) * (f32((h.z >> (chunk * 4u)) & 15u) * 2.0 + 1.0), 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let low = (vec4u(weight_at(at, chunk / 2u)[chunk % 2u * 2u + part]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
  let high = (vec4u(h[chunk / 4u] >> (chunk % 4u * 8u + part * 4u)) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u);
  let indices = low | (high << vec4u(8u));
  let points = vec4u(point(indices.x), point(indices.y), point(indices.z), point(indices.w));
  let signs = weight_at(at, 4u + chunk / 4u)[chunk % 4u] >> (part * 16u);
  return mat4x4f(
    values(points.x, signs),
    values(points.y, signs >> 4u),
    values(points.z, signs >> 8u),
    values(points.w, signs >> 12u),
  );
}

// The values of a point: 1, 3, 5 … 15.
fn values(codes: u32, signs: u32) -> vec4f {
  return with_signs(1u + 2u * three_bits(codes), signs);
}

fn point(index: u32) -> u32 {
  return point_of(codebook[index / 2u], index);
}
