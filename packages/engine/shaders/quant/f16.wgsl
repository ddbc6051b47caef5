// F16: no scale, eight weights a vec4u.
const HEADER: u32 = 0u;
const CHUNK: u32 = 4u;
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
  let a = weight_at(at, chunk * CHUNK + part * 2u);
  let b = weight_at(at, chunk * CHUNK + part * 2u + 1u);
  return mat4x4f(
    vec4f(unpack2x16float(a.x), unpack2x16float(a.y)),
    vec4f(unpack2x16float(a.z), unpack2x16float(a.w)),
    vec4f(unpack2x16float(b.x), unpack2x16float(b.y)),
    vec4f(unpack2x16float(b.z), unpack2x16float(b.w)),
  );
}
