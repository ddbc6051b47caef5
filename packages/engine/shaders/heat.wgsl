// Each row times the number of its position.
override width: u32;

@group(0) @binding(1) var<storage, read> temperature: array<f32>; // (positions)
@group(0) @binding(2) var<storage, read_write> x: array<f32>;     // (tokens, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane;
  if (i < batch.tokens * width) {
    x[i] *= temperature[batch.first_position + i / width];
  }
}
