// BF16: no scale, eight weights a vec4u, each the upper half of an F32.
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
  return mat4x4f(upper_halves(a.xxyy), upper_halves(a.zzww), upper_halves(b.xxyy), upper_halves(b.zzww));
}

fn upper_halves(words: vec4u) -> vec4f {
  return bitcast<vec4f>((words << vec4u(16u, 0u, 16u, 0u)) & vec4u(0xffff0000u));
}
