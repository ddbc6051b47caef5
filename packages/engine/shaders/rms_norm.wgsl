// y = x / sqrt(mean(x²) + ε) for each row, times its weight where no stage is looked at in between. One workgroup per row.
// Before it come fours.wgsl, twos.wgsl or ones.wgsl, summed.wgsl or unsummed.wgsl, and weighted.wgsl or unweighted.wgsl.
override width: u32;
override parts: u32 = 1u; // of a token's row, each normed by itself: its heads
override epsilon: f32;
override threads: u32; // of a row

@group(0) @binding(2) var<storage, read_write> y: array<Part>; // (tokens, width)

var<workgroup> partial: array<f32, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = folded_group(group, groups);
  if (part >= batch.tokens * parts) {
    return;
  }
  let length = width / PART;
  let row = part * length;
  var sum = vec2f(0.0);
  for (var i = lane; i < length; i += threads) {
    let value = value_at(row + i);
    sum = added(sum, value * value);
  }
  partial[lane] = sum.x + sum.y;
  workgroupBarrier();
  for (var half = threads / 2u; half > 0u; half >>= 1u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  let scale = 1.0 / sqrt(partial[0] / f32(width) + epsilon);
  for (var i = lane; i < length; i += threads) {
    y[row + i] = weighted(i, x[row + i] * scale);
  }
}
