// F16: two halves a word.
fn weights(chunk: u32) -> array<vec4f, 8> {
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 8u; i++) {
    let at = chunk * 16u + i * 2u;
    w[i] = vec4f(unpack2x16float(weight[at]), unpack2x16float(weight[at + 1u]));
  }
  return w;
}
