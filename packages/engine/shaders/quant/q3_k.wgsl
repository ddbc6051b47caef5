// Q3_K: w = d·(scale − 32)·(q − 4). Header: the third bit of each weight, a bit of 32 bytes for each chunk; the lower two, 128
// weights in 32 bytes; twelve bytes with a scale of 6 bits for each 16 weights; d.
const HEADER: u32 = 7u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = vec4u;

fn header_at(at: u32) -> Header {
  return weight_at(at, 6u);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(unpack2x16float(h.w).x, 0.0);
}

// x and y: the lower four bits of 16 scales, the first eight in the low nibbles, the others in the high. z: the upper two bits,
// those of scales i, i + 4, i + 8 and i + 12 in byte i.
fn scale_of_16(h: Header, i: u32) -> f32 {
  let low = (h[i / 4u % 2u] >> (i % 4u * 8u + i / 8u * 4u)) & 15u;
  let high = (h.z >> (i % 4u * 8u + i / 4u * 2u)) & 3u;
  return f32(low | (high << 4u)) - 32.0;
}

// (scale − 32)·(q − 4), a whole number.
fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let low = (weight_at(at, 2u + chunk / 4u * 2u + part) >> vec4u(chunk % 4u * 2u)) & vec4u(0x03030303u);
  let high = ((weight_at(at, part) >> vec4u(chunk)) & vec4u(0x01010101u)) << vec4u(2u);
  return scale_of_16(h, chunk * 2u + part) * less(unsigned_bytes(low | high), 4.0);
}
