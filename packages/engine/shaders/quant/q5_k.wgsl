// Q5_K: w = d·scale·q − dmin·minimum. Header: as in Q4_K, then a word of fifth bits for each chunk. Chunk: 32 nibbles.
const HEADER: u32 = 3u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = true;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;

struct Header {
  scales: vec4u,
  first: vec4u,  // fifth bits of chunks 0…3
  second: vec4u, // of chunks 4…7
}

fn header_at(at: u32) -> Header {
  return Header(weight_at(at, 0u), weight_at(at, 1u), weight_at(at, 2u));
}

// y and z: scales and minima of chunks 0…3, a byte each, whose upper two bits are those of chunks 4…7.
// w: the lower four bits of chunks 4…7, scale in the low nibble, minimum in the high.
fn scale_of(h: Header, chunk: u32) -> vec2f {
  let byte = chunk % 4u * 8u;
  let scale = h.scales.y >> byte;
  let minimum = h.scales.z >> byte;
  let low = h.scales.w >> byte;
  let upper = vec2u((low & 15u) | ((scale >> 2u) & 48u), ((low >> 4u) & 15u) | ((minimum >> 2u) & 48u));
  let lower = vec2u(scale, minimum) & vec2u(63u);
  let d = unpack2x16float(h.scales.x);
  return vec2f(d.x, -d.y) * vec2f(select(lower, upper, chunk >= 4u));
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let bits = select(h.first, h.second, chunk >= 4u)[chunk % 4u];
  return unsigned_bytes(nibbles(weight_at(at, HEADER + chunk), part) | fifth_bits(bits, part));
}
