// Q2_K: w = d·scale·q − dmin·minimum. Header: a byte with a scale and a minimum of 4 bits for each 16 weights; two bits of each
// weight, 128 weights in 32 bytes; d and dmin.
const HEADER: u32 = 6u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = false; // a chunk has two minima, so that they are taken off here

struct Header {
  scales: vec4u,
  d: vec2f, // and dmin
}

fn header_at(at: u32) -> Header {
  return Header(weight_at(at, 0u), unpack2x16float(weight_at(at, 5u).x));
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(1.0, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let byte = h.scales[chunk / 2u] >> (chunk % 2u * 16u + part * 8u);
  let scale = h.d.x * f32(byte & 15u);
  let minimum = h.d.y * f32((byte >> 4u) & 15u);
  let q = (weight_at(at, 1u + chunk / 4u * 2u + part) >> vec4u(chunk % 4u * 2u)) & vec4u(0x03030303u);
  return less(scale * unsigned_bytes(q), minimum);
}
