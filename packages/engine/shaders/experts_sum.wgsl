// y ← the sum of the chosen experts' rows, one after the other.
override width: u32;
override used: u32;

@group(0) @binding(1) var<storage, read> x: array<f32>;       // (tokens, used, width)
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // (tokens, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, width)
  if (i >= batch.tokens * width) {
    return;
  }
  let at = i / width * used * width + i % width;
  var sum = x[at];
  for (var slot = 1u; slot < used; slot++) {
    sum += x[at + slot * width];
  }
  y[i] = sum;
}
