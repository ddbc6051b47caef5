// Q5_1: w = d·q + m. Header: eight pairs of d and m, then a word of fifth bits for each chunk. Chunk: 32 nibbles.
const HEADER: u32 = 4u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = true;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;

struct Header {
  first: vec4u,       // d and m of chunks 0…3
  second: vec4u,      // of chunks 4…7
  first_bits: vec4u,  // fifth bits of chunks 0…3
  second_bits: vec4u, // of chunks 4…7
}

fn header_at(at: u32) -> Header {
  return Header(weight_at(at, 0u), weight_at(at, 1u), weight_at(at, 2u), weight_at(at, 3u));
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return unpack2x16float(select(h.first, h.second, chunk >= 4u)[chunk % 4u]);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let bits = select(h.first_bits, h.second_bits, chunk >= 4u)[chunk % 4u];
  return unsigned_bytes(nibbles(weight_at(at, HEADER + chunk), part) | fifth_bits(bits, part));
}
