// Q1_0: w = d where a bit is set, −d where it is not. Header: a bit of each weight; two d, one for 128 weights.
const HEADER: u32 = 3u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = u32;

fn header_at(at: u32) -> Header {
  return weight_at(at, 2u).x;
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(half_at(vec4u(h), chunk / 4u), 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let signs = ~weight_at(at, chunk / 4u)[chunk % 4u] >> (part * 16u);
  let one = vec4u(1u);
  return mat4x4f(with_signs(one, signs), with_signs(one, signs >> 4u), with_signs(one, signs >> 8u), with_signs(one, signs >> 12u));
}
