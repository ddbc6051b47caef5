// Q5_K: 176 bytes for 8 chunks of 32 weights. d, dmin and the chunks' scales and minima as in Q4_K;
// h: 32 bytes, bit c of byte i is the fifth bit of weight i of chunk c; q as in Q4_K; w = d·scale·q − dmin·minimum.
fn weights(chunk: u32) -> array<vec4f, 8> {
  let block = chunk / 8u * 44u;
  let part = chunk % 8u;
  let d = unpack2x16float(weight[block]) * scale_and_minimum(block + 1u, part);
  let shift = (part & 1u) * 4u;
  let h = block + 4u;
  let q = block + 12u + part / 2u * 8u;
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 8u; i++) {
    let fifth = ((weight[h + i] >> part) & 0x01010101u) << 4u;
    w[i] = d.x * vec4f(unpack4xU8(((weight[q + i] >> shift) & 0x0f0f0f0fu) | fifth)) - d.y;
  }
  return w;
}

// Bytes 0…3 and 4…7: scales and minima of chunks 0…3, whose upper two bits are those of chunks 4…7.
// Bytes 8…11: the lower four bits of chunks 4…7, scale in the low nibble, minimum in the high.
fn scale_and_minimum(words: u32, part: u32) -> vec2f {
  let byte = (part & 3u) * 8u;
  let scale = weight[words] >> byte;
  let minimum = weight[words + 1u] >> byte;
  if (part < 4u) {
    return vec2f(vec2u(scale, minimum) & vec2u(63u));
  }
  let low = weight[words + 2u] >> byte;
  return vec2f(vec2u((low & 15u) | ((scale >> 2u) & 48u), ((low >> 4u) & 15u) | ((minimum >> 2u) & 48u)));
}
