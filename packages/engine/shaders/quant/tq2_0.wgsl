// TQ2_0: w = d·(q − 1). Header: two bits of each weight, 128 weights in 32 bytes; d.
const HEADER: u32 = 5u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = f32;

fn header_at(at: u32) -> Header {
  return unpack2x16float(weight_at(at, 4u).x).x;
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(h, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let q = (weight_at(at, chunk / 4u * 2u + part) >> vec4u(chunk % 4u * 2u)) & vec4u(0x03030303u);
  return less(unsigned_bytes(q), 1.0);
}
