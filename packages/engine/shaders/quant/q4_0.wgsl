// Q4_0: w = d·(q − 8). Header: eight d. Chunk: 32 nibbles.
const HEADER: u32 = 1u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = true;
const EXCESS: f32 = 8.0;
const SCALED: bool = true;
alias Header = vec4u;

fn header_at(at: u32) -> Header {
  return weight_at(at, 0u);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return half_at(h, chunk) * vec2f(1.0, -8.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  return unsigned_bytes(nibbles(weight_at(at, HEADER + chunk), part));
}
