// F32: one number a word.
fn weights(chunk: u32) -> array<vec4f, 8> {
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 8u; i++) {
    let at = chunk * 32u + i * 4u;
    w[i] = bitcast<vec4f>(vec4u(weight[at], weight[at + 1u], weight[at + 2u], weight[at + 3u]));
  }
  return w;
}
