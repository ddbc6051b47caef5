// TQ1_0: w = d·(q − 1). Header: 48 bytes of five trits each, 4 bytes of four, and d. Trit n of a byte, as a fraction of 256 to the base 3, is
// its n-th digit; 32 bytes give weights 0…159, digit after digit, 16 bytes 160…239, and the last four the others.
const HEADER: u32 = 4u;
const CHUNK: u32 = 0u;
const MINIMUM: bool = false;
const EXCESS: f32 = 0.0;
const SCALED: bool = true;
alias Header = f32;

fn header_at(at: u32) -> Header {
  return unpack2x16float(weight_at(at, 3u).y).x;
}

fn scale_of(h: Header, chunk: u32) -> vec2f {
  return vec2f(h, 0.0);
}

fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f {
  let sixteen = chunk * 2u + part;
  if (sixteen == 15u) {
    let bytes = weight_at(at, 3u).x;
    return mat4x4f(trits(bytes, 0u), trits(bytes, 1u), trits(bytes, 2u), trits(bytes, 3u));
  }
  let last = sixteen >= 10u;
  let bytes = weight_at(at, select(part, 2u, last));
  let n = select(chunk, sixteen - 10u, last);
  return mat4x4f(trits(bytes.x, n), trits(bytes.y, n), trits(bytes.z, n), trits(bytes.w, n));
}

// Digit n of four bytes, less 1.
fn trits(bytes: u32, n: u32) -> vec4f {
  let power = select(81u, vec4u(1u, 3u, 9u, 27u)[n % 4u], n < 4u);
  let q = (vec4u(bytes) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
  return vec4f((((q * power) & vec4u(255u)) * 3u) >> vec4u(8u)) - 1.0;
}
