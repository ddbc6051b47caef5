// For GPUs and few tokens: a workgroup computes four rows for one token. Its threads take turns at the weights, 16 at a time.
const THREADS = 64u;

var<workgroup> partial: array<vec4f, THREADS>; // one sum for each of the four rows

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded_group(group, groups) * 4u;
  let token = group.z;
  let at = vec4u(clamped_row_at(row), clamped_row_at(row + 1u), clamped_row_at(row + 2u), clamped_row_at(row + 3u));
  var sums = vec4f();
  for (var i = lane; i < shape.columns / 16u; i += THREADS) {
    let a = sixteen(token * (shape.columns / 4u) + i * 4u);
    let a_sum = sum16(a);
    let block = at + STRIDE * (i / 16u * BLOCK);
    let chunk = i % 16u / 2u;
    let part = i % 2u;
    sums += vec4f(
      product(block.x, chunk, part, a, a_sum),
      product(block.y, chunk, part, a, a_sum),
      product(block.z, chunk, part, a, a_sum),
      product(block.w, chunk, part, a, a_sum),
    );
  }
  partial[lane] = sums;
  for (var stride = THREADS / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) {
      partial[lane] += partial[lane + stride];
    }
  }
  if (lane == 0u) {
    store(row, token, partial[0].x);
    store(row + 1u, token, partial[0].y);
    store(row + 2u, token, partial[0].z);
    store(row + 3u, token, partial[0].w);
  }
}

// Rows past the end compute the last one again, and are not stored.
fn clamped_row_at(row: u32) -> u32 {
  return row_at(min(row, shape.rows - 1u), shape.columns);
}

// Of 16 weights of a row with 16 numbers.
fn product(at: u32, chunk: u32, part: u32, a: mat4x4f, a_sum: f32) -> f32 {
  let h = header_at(at);
  let s = scale_of(h, chunk);
  let sum = s.x * dot16(quants(h, at, chunk, part), a);
  if (MINIMUM) {
    return sum + s.y * a_sum;
  }
  return sum;
}
