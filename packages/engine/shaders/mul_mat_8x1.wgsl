// For CPU adapters, one token at a time: a thread keeps the sums of eight rows in registers.
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (folded_group(group, groups) * 8u + lane) * 8u;
  let token = group.z;
  if (row >= shape.rows) {
    return;
  }
  let at0 = clamped_row_at(row);
  let at1 = clamped_row_at(row + 1u);
  let at2 = clamped_row_at(row + 2u);
  let at3 = clamped_row_at(row + 3u);
  let at4 = clamped_row_at(row + 4u);
  let at5 = clamped_row_at(row + 5u);
  let at6 = clamped_row_at(row + 6u);
  let at7 = clamped_row_at(row + 7u);
  var sum0 = 0.0;
  var sum1 = 0.0;
  var sum2 = 0.0;
  var sum3 = 0.0;
  var sum4 = 0.0;
  var sum5 = 0.0;
  var sum6 = 0.0;
  var sum7 = 0.0;
  var quad = token * (shape.columns / 4u);
  var block = 0u;
  for (var left = shape.columns / 32u; left > 0u; left -= min(left, 8u)) {
    let h0 = header_at(at0 + block);
    let h1 = header_at(at1 + block);
    let h2 = header_at(at2 + block);
    let h3 = header_at(at3 + block);
    let h4 = header_at(at4 + block);
    let h5 = header_at(at5 + block);
    let h6 = header_at(at6 + block);
    let h7 = header_at(at7 + block);
    for (var chunk = 0u; chunk < min(left, 8u); chunk++) {
      let a = sixteen(quad);
      let dot0 = dot16(quants(h0, at0 + block, chunk, 0u), a);
      let dot1 = dot16(quants(h1, at1 + block, chunk, 0u), a);
      let dot2 = dot16(quants(h2, at2 + block, chunk, 0u), a);
      let dot3 = dot16(quants(h3, at3 + block, chunk, 0u), a);
      let dot4 = dot16(quants(h4, at4 + block, chunk, 0u), a);
      let dot5 = dot16(quants(h5, at5 + block, chunk, 0u), a);
      let dot6 = dot16(quants(h6, at6 + block, chunk, 0u), a);
      let dot7 = dot16(quants(h7, at7 + block, chunk, 0u), a);
      let b = sixteen(quad + 4u);
      let sum = sum16(a) + sum16(b);
      sum0 += product(h0, at0 + block, chunk, dot0, b, sum);
      sum1 += product(h1, at1 + block, chunk, dot1, b, sum);
      sum2 += product(h2, at2 + block, chunk, dot2, b, sum);
      sum3 += product(h3, at3 + block, chunk, dot3, b, sum);
      sum4 += product(h4, at4 + block, chunk, dot4, b, sum);
      sum5 += product(h5, at5 + block, chunk, dot5, b, sum);
      sum6 += product(h6, at6 + block, chunk, dot6, b, sum);
      sum7 += product(h7, at7 + block, chunk, dot7, b, sum);
      quad += 8u;
    }
    block += BLOCK;
  }
  store(row, token, sum0);
  store(row + 1u, token, sum1);
  store(row + 2u, token, sum2);
  store(row + 3u, token, sum3);
  store(row + 4u, token, sum4);
  store(row + 5u, token, sum5);
  store(row + 6u, token, sum6);
  store(row + 7u, token, sum7);
}

// Rows past the end compute the last one again, and are not stored.
fn clamped_row_at(row: u32) -> u32 {
  return row_at(min(row, shape.rows - 1u), shape.columns);
}

// Of a chunk of a row with 32 numbers: of its first half, the sum is in `dot` already.
fn product(h: Header, at: u32, chunk: u32, dot: f32, b: mat4x4f, sum: f32) -> f32 {
  let s = scale_of(h, chunk);
  let product = s.x * (dot + dot16(quants(h, at, chunk, 1u), b));
  if (MINIMUM) {
    return product + s.y * sum;
  }
  return product;
}
