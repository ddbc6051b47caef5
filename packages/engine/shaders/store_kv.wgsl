// Puts the rows of this pass into the cache, at their positions.
override width: u32;

@group(0) @binding(1) var<storage, read> x: array<f32>;           // (tokens, width)
@group(0) @binding(2) var<storage, read_write> cache: array<f32>; // (positions, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane;
  if (i < batch.tokens * width) {
    cache[batch.first_position * width + i] = x[i];
  }
}
