// IQ4_XS: w = d·(scale − 32)·table[q]. Header: d, then the upper two bits of eight scales and, in a word, their lower four.
// Chunk: 32 nibbles. The table is that of IQ4_NL, kvalues_iq4nl of ggml-common.h.
const HEADER: u32 = 1u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
const TABLE = vec4u(0xbfad9881u, 0xf6eaddcfu, 0x26190d01u, 0x71594535u);
alias Header = vec4u;

fn header_at(at: u32) -> Header {
  return weight_at(at, 0u);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  let low = (h.y >> (chunk * 4u)) & 15u;
  let high = (h.x >> (16u + chunk * 2u)) & 3u;
  return vec2f(half_at(h, 0u) * (f32(low | (high << 4u)) - 32.0), 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  return table_bytes(nibbles(weight_at(at, HEADER + chunk), part), TABLE);
}
