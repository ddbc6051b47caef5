// Q4_1: 20 bytes for 32 weights. d, m: f16, q: 16 bytes, weights 0…15 in the low nibbles, 16…31 in the high; w = d·q + m.
fn weights(chunk: u32) -> array<vec4f, 8> {
  let block = chunk * 5u;
  let dm = unpack2x16float(weight[block]);
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    let q = weight[block + 1u + i];
    w[i] = dm.x * vec4f(unpack4xU8(q & 0x0f0f0f0fu)) + dm.y;
    w[i + 4u] = dm.x * vec4f(unpack4xU8((q >> 4u) & 0x0f0f0f0fu)) + dm.y;
  }
  return w;
}
