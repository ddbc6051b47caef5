// Q6_K: 210 bytes for 8 chunks of 32 weights, two halves of four chunks. Of a half: low: 64 bytes, chunks 0 and 1 in the low
// nibbles, 2 and 3 in the high; high: 32 bytes with two bits for each of the four. Then a signed scale for every 16 weights,
// and d: f16; w = d·scale·(q − 32).
fn weights(chunk: u32) -> array<vec4f, 8> {
  let block = chunk / 8u * 210u;
  let part = chunk % 8u;
  let half = part / 4u;
  let low = block + half * 64u + (part & 1u) * 32u;
  let low_shift = (part & 2u) * 2u;
  let high = block + 128u + half * 32u;
  let high_shift = (part & 3u) * 2u;
  let d = unpack2x16float(word_at(block + 208u)).x;
  let scales = d * vec4f(unpack4xI8(word_at(block + 192u + part * 2u)));
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 8u; i++) {
    let q = ((word_at(low + i * 4u) >> low_shift) & 0x0f0f0f0fu) | (((word_at(high + i * 4u) >> high_shift) & 0x03030303u) << 4u);
    w[i] = select(scales.y, scales.x, i < 4u) * (vec4f(unpack4xU8(q)) - 32.0);
  }
  return w;
}

// The word at a byte offset that is a multiple of two.
fn word_at(byte: u32) -> u32 {
  let shift = (byte & 2u) * 8u;
  let i = byte / 4u;
  return (weight[i] >> shift) | ((weight[i + 1u] << 16u) << (16u - shift));
}
