// Q5_0: 22 bytes for 32 weights. d: f16, h: the fifth bit of each, q: 16 bytes as in Q4_0; w = d·(q − 16).
fn weights(chunk: u32) -> array<vec4f, 8> {
  let block = chunk * 22u;
  let d = unpack2x16float(word_at(block)).x;
  let h = word_at(block + 2u);
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    let q = word_at(block + 6u + i * 4u);
    let low = (q & 0x0f0f0f0fu) | fifth_bits(h >> (i * 4u));
    let high = ((q >> 4u) & 0x0f0f0f0fu) | fifth_bits(h >> (i * 4u + 16u));
    w[i] = d * (vec4f(unpack4xU8(low)) - 16.0);
    w[i + 4u] = d * (vec4f(unpack4xU8(high)) - 16.0);
  }
  return w;
}

// Bits 0…3, each moved to bit 4 of a byte of its own.
fn fifth_bits(h: u32) -> u32 {
  return ((h & 1u) << 4u) | ((h & 2u) << 11u) | ((h & 4u) << 18u) | ((h & 8u) << 25u);
}

// The word at a byte offset that is a multiple of two.
fn word_at(byte: u32) -> u32 {
  let shift = (byte & 2u) * 8u;
  let i = byte / 4u;
  return (weight[i] >> shift) | ((weight[i + 1u] << 16u) << (16u - shift));
}
