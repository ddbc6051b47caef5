// F32: no scale, four weights a vec4u.
const HEADER: u32 = 0u;
const CHUNK: u32 = 8u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = false;
alias Header = u32;

fn header_at(at: u32) -> Header {
  return 0u;
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(1.0, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let q = chunk * CHUNK + part * 4u;
  return mat4x4f(bitcast<vec4f>(weight_at(at, q)), bitcast<vec4f>(weight_at(at, q + 1u)), bitcast<vec4f>(weight_at(at, q + 2u)), bitcast<vec4f>(weight_at(at, q + 3u)));
}
