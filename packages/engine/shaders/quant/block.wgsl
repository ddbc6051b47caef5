// Weights as they lie in GPU memory: pack.ts arranges each row of the file so that every read is an aligned vec4u.
//
// A row is a sequence of blocks of 256 weights. A block is a header of HEADER vec4u with the scales, and then eight chunks of
// CHUNK vec4u with the quants of 32 weights each; the last block of a row may have fewer chunks. A weight is
// scale.x · quant + scale.y, and of the two operations only one rounds. Kernels compute with half a chunk, 16 weights, at a time.
//
// Each file of this folder describes one type with
//   const HEADER: u32; const CHUNK: u32;
//   const MINIMUM: bool                                              whether scale.y is ever anything but zero
//   const EXCESS: f32                                                where scale.y = −EXCESS · scale.x, so that a weight is scale.x · (quant − EXCESS)
//   const SCALED: bool                                               false where quants are the weights themselves, and scale is (1, 0)
//   alias Header; fn header_at(at: u32) -> Header                    read once a block
//   fn scale_of(h: Header, chunk: u32) -> vec2f                      of 32 weights
//   fn quants(h: Header, at: u32, chunk: u32, part: u32) -> mat4x4f  16 weights, four a column
// where `at` is the block's first vec4u, chunk is 0…7, part is 0 or 1, and weight_at() and STRIDE are those of data/weight_*.wgsl.

const BLOCK: u32 = HEADER + 8u * CHUNK;

// Where a row begins.
fn row_at(row: u32, columns: u32) -> u32 {
  let chunks = (columns + 31u) / 32u;
  let length = (chunks + 7u) / 8u * HEADER + chunks * CHUNK;
  return row / STRIDE * STRIDE * length + row % STRIDE;
}

// 16 weights, four a column, to the bit as ggml dequantises them. row: where the row begins, column: a multiple of 16.
fn weights_at(row: u32, column: u32) -> mat4x4f {
  let at = row + STRIDE * (column / 256u * BLOCK);
  let h = header_at(at);
  let chunk = column % 256u / 32u;
  let part = column % 32u / 16u;
  let q = quants(h, at, chunk, part);
  if (!SCALED) {
    return q; // a product with 1 may flush a subnormal
  }
  let s = scale_of(h, chunk);
  if (EXCESS != 0.0) {
    return s.x * less(q, EXCESS); // an infinite scale, or the sign of a zero, shows what was subtracted when
  }
  let w = s.x * q;
  if (MINIMUM) {
    return mat4x4f(w[0] + s.y, w[1] + s.y, w[2] + s.y, w[3] + s.y);
  }
  return w;
}

fn less(q: mat4x4f, by: f32) -> mat4x4f {
  return mat4x4f(q[0] - by, q[1] - by, q[2] - by, q[3] - by);
}

// Bytes of 0…127 as numbers: each is masked where it is and scaled by a power of two, which is exact and spares the shift.
fn unsigned_bytes(q: vec4u) -> mat4x4f {
  return mat4x4f(unsigned_word(q.x), unsigned_word(q.y), unsigned_word(q.z), unsigned_word(q.w));
}

fn unsigned_word(q: u32) -> vec4f {
  return vec4f(bitcast<vec4i>(vec4u(q) & vec4u(0x7fu, 0x7f00u, 0x7f0000u, 0x7f000000u))) * vec4f(1.0, 0x1p-8, 0x1p-16, 0x1p-24);
}

// Bytes of -128…127. With its upper bit flipped, a byte is 128 more; the topmost has its sign in the right place already.
fn signed_bytes(q: vec4u) -> mat4x4f {
  return mat4x4f(signed_word(q.x), signed_word(q.y), signed_word(q.z), signed_word(q.w));
}

fn signed_word(q: u32) -> vec4f {
  let bytes = bitcast<vec4i>(vec4u(q ^ 0x00808080u) & vec4u(0xffu, 0xff00u, 0xff0000u, 0xff000000u));
  return vec4f(bytes) * vec4f(1.0, 0x1p-8, 0x1p-16, 0x1p-24) - vec4f(128.0, 128.0, 128.0, 0.0);
}

// 16 weights of a chunk of nibbles: the first half of the chunk is in the low nibbles, the second in the high.
fn nibbles(q: vec4u, part: u32) -> vec4u {
  return (q >> vec4u(part * 4u)) & vec4u(0x0f0f0f0fu);
}

// The fifth bits of 16 weights, in place. Bit i of the bytes of `bits` is that of weights 4·i … 4·i + 3 of the chunk.
fn fifth_bits(bits: u32, part: u32) -> vec4u {
  return ((vec4u(bits >> (part * 4u)) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(0x01010101u)) << vec4u(4u);
}

// The half-precision number of this index among the eight of a vec4u. Of unpack2x16float itself a product with a constant would be one of
// halves on OpenGL ES, whose function of that name has medium precision; what a function of ours returns has not.
fn half_at(h: vec4u, i: u32) -> f32 {
  return unpack2x16float(h[i / 2u] >> (i % 2u * 16u)).x;
}

// The 16 signed bytes of a table, by indices of 0…15 in the bytes of `q`.
fn table_bytes(q: vec4u, table: vec4u) -> mat4x4f {
  return mat4x4f(table_word(q.x, table), table_word(q.y, table), table_word(q.z, table), table_word(q.w, table));
}

fn table_word(q: u32, table: vec4u) -> vec4f {
  let i = vec4u(q) >> vec4u(0u, 8u, 16u, 24u);
  let odd = (i & vec4u(4u)) != vec4u();
  let lower = select(vec4u(table.x), vec4u(table.y), odd);
  let upper = select(vec4u(table.z), vec4u(table.w), odd);
  let word = select(lower, upper, (i & vec4u(8u)) != vec4u());
  return vec4f(bitcast<vec4i>(word << (vec4u(24u) - (i & vec4u(3u)) * 8u)) >> vec4u(24u));
}

// Four numbers of two bits, from the lowest on.
fn two_bits(codes: u32) -> vec4u {
  return (vec4u(codes) >> vec4u(0u, 2u, 4u, 6u)) & vec4u(3u);
}

// Four numbers of three bits, from the lowest on.
fn three_bits(codes: u32) -> vec4u {
  return (vec4u(codes) >> vec4u(0u, 3u, 6u, 9u)) & vec4u(7u);
}

// Four numbers, negative where a bit is set.
fn with_signs(x: vec4u, bits: u32) -> vec4f {
  return vec4f(x) * (vec4f(1.0) - 2.0 * vec4f((vec4u(bits) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u)));
}

// Seven signs as eight, of which an even number is negative.
fn even_signs(bits: u32) -> u32 {
  let seven = bits & 127u;
  return seven | ((countOneBits(seven) & 1u) << 7u);
}

// The point of 16 bits with this index among the two of each word.
fn point_of(word: u32, index: u32) -> u32 {
  return (word >> (index % 2u * 16u)) & 0xffffu;
}
