// y = x / sqrt(mean(x²) + ε) for each row, times its weight where no stage is looked at in between. One workgroup per row.
override width: u32;
override parts: u32 = 1u; // of a token's row, each normed by itself: its heads
override epsilon: f32;

@group(0) @binding(1) var<storage, read> x: array<f32>;       // (tokens, width)
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // (tokens, width)

var<workgroup> partial: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = folded_group(group, groups);
  if (part >= batch.tokens * parts) {
    return;
  }
  let row = part * width;
  var sum = 0.0;
  for (var i = lane; i < width; i += WORKGROUP) {
    sum += x[row + i] * x[row + i];
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half >>= 1u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  let scale = 1.0 / sqrt(partial[0] / f32(width) + epsilon);
  for (var i = lane; i < width; i += WORKGROUP) {
    y[row + i] = weighted(i, x[row + i] * scale);
  }
}
