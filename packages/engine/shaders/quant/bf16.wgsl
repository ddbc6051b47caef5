// BF16: the upper half of an F32, two a word.
fn weights(chunk: u32) -> array<vec4f, 8> {
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 8u; i++) {
    let at = chunk * 16u + i * 2u;
    let words = vec4u(weight[at] << 16u, weight[at], weight[at + 1u] << 16u, weight[at + 1u]);
    w[i] = bitcast<vec4f>(words & vec4u(0xffff0000u));
  }
  return w;
}
