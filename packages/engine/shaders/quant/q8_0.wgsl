// Q8_0: w = d·q. Header: eight d. Chunk: 32 × i8.
const HEADER: u32 = 1u;
const CHUNK: u32 = 2u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = vec4u;

fn header_at(at: u32) -> Header {
  return weight_at(at, 0u);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(half_at(h, chunk), 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  return signed_bytes(weight_at(at, HEADER + chunk * CHUNK + part));
}
