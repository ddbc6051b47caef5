// Q4_K: w = d·scale·q − dmin·minimum. Header: d and dmin, then 12 bytes with a scale and a minimum of 6 bits for each chunk.
// Chunk: 32 nibbles.
const HEADER: u32 = 1u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = true;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = vec4u;

fn header_at(at: u32) -> Header {
  return weight_at(at, 0u);
}

// y and z: scales and minima of chunks 0…3, a byte each, whose upper two bits are those of chunks 4…7.
// w: the lower four bits of chunks 4…7, scale in the low nibble, minimum in the high.
fn scale_of(h: Header, chunk: u32) -> vec2f {
  let byte = chunk % 4u * 8u;
  let scale = h.y >> byte;
  let minimum = h.z >> byte;
  let low = h.w >> byte;
  let upper = vec2u((low & 15u) | ((scale >> 2u) & 48u), ((low >> 4u) & 15u) | ((minimum >> 2u) & 48u));
  let lower = vec2u(scale, minimum) & vec2u(63u);
  let d = unpack2x16float(h.x);
  return vec2f(d.x, -d.y) * vec2f(select(lower, upper, chunk >= 4u));
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  return unsigned_bytes(nibbles(weight_at(at, HEADER + chunk), part));
}
