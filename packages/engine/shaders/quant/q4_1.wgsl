// Q4_1: w = d·q + m. Header: eight pairs of d and m. Chunk: 32 nibbles.
const HEADER: u32 = 2u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = true;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;

struct Header {
  first: vec4u,  // of chunks 0…3
  second: vec4u, // of chunks 4…7
}

fn header_at(at: u32) -> Header {
  return Header(weight_at(at, 0u), weight_at(at, 1u));
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return unpack2x16float(select(h.first, h.second, chunk >= 4u)[chunk % 4u]);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  return unsigned_bytes(nibbles(weight_at(at, HEADER + chunk), part));
}
