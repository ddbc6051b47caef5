// Q2_0: w = d·(q − 1). Header: two bits of each weight, one weight after the other; four d, one for 64 weights.
const HEADER: u32 = 5u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = vec4u;

fn header_at(at: u32) -> Header {
  return weight_at(at, 4u);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(half_at(h, chunk / 2u), 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let q = weight_at(at, chunk / 2u)[chunk % 2u * 2u + part];
  return less(mat4x4f(vec4f(two_bits(q)), vec4f(two_bits(q >> 8u)), vec4f(two_bits(q >> 16u)), vec4f(two_bits(q >> 24u))), 1.0);
}
