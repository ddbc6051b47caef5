// Q5_0: w = d·(q − 16). Header: eight d, then a word of fifth bits for each chunk. Chunk: 32 nibbles.
const HEADER: u32 = 3u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = true;
const EXCESS: f32 = 16.0;
const SCALED: bool = true;

struct Header {
  d: vec4u,
  first: vec4u,  // fifth bits of chunks 0…3
  second: vec4u, // of chunks 4…7
}

fn header_at(at: u32) -> Header {
  return Header(weight_at(at, 0u), weight_at(at, 1u), weight_at(at, 2u));
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return half_at(h.d, chunk) * vec2f(1.0, -16.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let bits = select(h.first, h.second, chunk >= 4u)[chunk % 4u];
  return unsigned_bytes(nibbles(weight_at(at, HEADER + chunk), part) | fifth_bits(bits, part));
}
