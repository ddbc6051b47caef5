// IQ4_NL: w = d·table[q]. Header: eight d. Chunk: 32 nibbles. The table is kvalues_iq4nl of ggml-common.h, four bytes a word:
// -127 -104 -83 -65, -49 -35 -22 -10, 1 13 25 38, 53 69 89 113.
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
  return vec2f(half_at(h, chunk), 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  return table_bytes(nibbles(weight_at(at, HEADER + chunk), part), TABLE);
}
