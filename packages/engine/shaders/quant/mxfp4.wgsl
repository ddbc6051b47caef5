// MXFP4: w = 2^(e − 128)·table[q]. Header: eight e, each in a half. Chunk: 32 nibbles. The table is kvalues_mxfp4 of
// ggml-common.h, twice what the nibbles of this format are: 0 1 2 3, 4 6 8 12, and the same with the other sign.
const HEADER: u32 = 1u;
const CHUNK: u32 = 1u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = false;
const TABLE = vec4u(0x03020100u, 0x0c080604u, 0xfdfeff00u, 0xf4f8fafcu);
alias Header = vec4u;

fn header_at(at: u32) -> Header {
  return weight_at(at, 0u);
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(1.0, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let e = (h[chunk / 2u] >> (chunk % 2u * 16u)) & 255u;
  let q = table_bytes(nibbles(weight_at(at, HEADER + chunk), part), TABLE);
  return mat4x4f(times_power(q[0], e), times_power(q[1], e), times_power(q[2], e), times_power(q[3], e));
}

// In two steps, whose powers are normal numbers. What would be subnormal is put together from its bits: a product may flush it.
fn times_power(q: vec4f, e: u32) -> vec4f {
  let first = e / 2u;
  let product = q * power(first) * power(e - first);
  let magnitude = vec4u(abs(q)) << vec4u(min(e, 4u)); // of 2^-128
  let bits = (magnitude << vec4u(21u)) | select(vec4u(), vec4u(0x80000000u), q < vec4f());
  return select(product, bitcast<vec4f>(bits), magnitude < vec4u(4u));
}

// 2^(e − 64)
fn power(e: u32) -> f32 {
  return bitcast<f32>((e + 63u) << 23u);
}
