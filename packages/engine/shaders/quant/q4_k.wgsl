// Q4_K: 144 bytes for 8 chunks of 32 weights. d, dmin: f16; a scale and a minimum of 6 bits for each chunk in 12 bytes;
// q: 32 bytes for two chunks, the even one in the low nibbles, the odd one in the high; w = d·scale·q − dmin·minimum.
fn weights(chunk: u32) -> array<vec4f, 8> {
  let block = chunk / 8u * 36u;
  let part = chunk % 8u;
  let d = unpack2x16float(weight[block]) * scale_and_minimum(block + 1u, part);
  let shift = (part & 1u) * 4u;
  let q = block + 4u + part / 2u * 8u;
  var w: array<vec4f, 8>;
  for (var i = 0u; i < 8u; i++) {
    w[i] = d.x * vec4f(unpack4xU8((weight[q + i] >> shift) & 0x0f0f0f0fu)) - d.y;
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
