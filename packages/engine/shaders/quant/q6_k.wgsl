// Q6_K: w = d·scale·(q − 32). Header: a signed scale of 8 bits for each 16 weights; d; then the upper two bits of each weight,
// two words a chunk. Chunk: 32 nibbles.
const HEADER: u32 = 6u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;

struct Header {
  scales: vec4u,
  d: f32,
}

fn header_at(at: u32) -> Header {
  return Header(weight_at(at, 0u), unpack2x16float(weight_at(at, 1u).x).x);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(h.d, 0.0);
}

// scale·(q − 32), a whole number. Bits 2·i and 2·i + 1 of the bytes of `bits` are those of weights 4·i … 4·i + 3 of the 16.
fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let bits = weight_at(at, 2u + chunk / 2u)[chunk % 2u * 2u + part];
  let upper = ((vec4u(bits) >> vec4u(0u, 2u, 4u, 6u)) & vec4u(0x03030303u)) << vec4u(4u);
  let q = unsigned_bytes(nibbles(weight_at(at, HEADER + chunk), part) | upper);
  let scales = bitcast<i32>(h.scales[chunk / 2u] << (24u - (chunk % 2u * 16u + part * 8u)));
  return f32(scales >> 24u) * less(q, 32.0);
}
