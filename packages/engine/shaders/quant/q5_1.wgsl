// Q5_1: 24 bytes for 32 weights. d, m: f16, h: the fifth bit of each, q: 16 bytes as in Q4_1; w = d·q + m.
fn weights(chunk: u32) -> array<vec4f, 8> {
  let block = chunk * 6u;
  let dm = unpack2x16float(weight[block]);
  let h = weight[block + 1u];
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    let q = weight[block + 2u + i];
    let low = (q & 0x0f0f0f0fu) | fifth_bits(h >> (i * 4u));
    let high = ((q >> 4u) & 0x0f0f0f0fu) | fifth_bits(h >> (i * 4u + 16u));
    w[i] = dm.x * vec4f(unpack4xU8(low)) + dm.y;
    w[i + 4u] = dm.x * vec4f(unpack4xU8(high)) + dm.y;
  }
  return w;
}

// Bits 0…3, each moved to bit 4 of a byte of its own.
fn fifth_bits(h: u32) -> u32 {
  return ((h & 1u) << 4u) | ((h & 2u) << 11u) | ((h & 4u) << 18u) | ((h & 8u) << 25u);
}
