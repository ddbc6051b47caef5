// Q4_0: 18 bytes for 32 weights. d: f16, q: 16 bytes, weights 0…15 in the low nibbles, 16…31 in the high; w = d·(q − 8).
fn weights(chunk: u32) -> array<vec4f, 8> {
  let block = chunk * 18u;
  let d = unpack2x16float(word_at(block)).x;
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    let q = word_at(block + 2u + i * 4u);
    w[i] = d * (vec4f(unpack4xU8(q & 0x0f0f0f0fu)) - 8.0);
    w[i + 4u] = d * (vec4f(unpack4xU8((q >> 4u) & 0x0f0f0f0fu)) - 8.0);
  }
  return w;
}

// The word at a byte offset that is a multiple of two.
fn word_at(byte: u32) -> u32 {
  let shift = (byte & 2u) * 8u;
  let i = byte / 4u;
  return (weight[i] >> shift) | ((weight[i + 1u] << 16u) << (16u - shift));
}
