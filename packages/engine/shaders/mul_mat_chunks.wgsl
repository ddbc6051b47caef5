// For CPU adapters, one token at a time: a thread keeps the sums of ROWS rows in registers. A line with $r is there once for each of them
// (products/repeat-lines.ts).
const LANES = 8u; // neighbours compute neighbouring rows

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded_group(group, groups) * ROWS * LANES + lane;
  let token = group.z;
  if (row >= shape.rows) {
    return;
  }
  let at$r = clamped_row_at(row + $ru * LANES);
  var sum$r = 0.0;
  var quad = token * (shape.columns / 4u);
  var block = 0u;
  for (var left = shape.columns / 32u; left > 0u; left -= min(left, 8u)) {
    let h$r = header_at(at$r + block);
    for (var chunk = 0u; chunk < min(left, 8u); chunk++) {
      let a = sixteen(quad);
      let dot$r = dot16(quants(h$r, at$r + block, chunk, 0u), a);
      let b = sixteen(quad + 4u);
      let sum = sum16(a) + sum16(b);
      sum$r += product(h$r, at$r + block, chunk, dot$r, b, sum);
      quad += 8u;
    }
    block += STRIDE * BLOCK;
  }
  store(row + $ru * LANES, token, sum$r);
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
