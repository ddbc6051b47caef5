// Q8_0: 34 bytes for 32 weights. d: f16, q: 32 × i8; w = d·q.
fn weights(chunk: u32) -> array<vec4f, 8> {
  let block = chunk * 34u;
  let d = unpack2x16float(word_at(block)).x;
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 8u; i++) {
    w[i] = d * vec4f(unpack4xI8(word_at(block + 2u + i * 4u)));
  }
  return w;
}

// The word at a byte offset that is a multiple of two.
fn word_at(byte: u32) -> u32 {
  let shift = (byte & 2u) * 8u;
  let i = byte / 4u;
  return (weight[i] >> shift) | ((weight[i + 1u] << 16u) << (16u - shift));
}
