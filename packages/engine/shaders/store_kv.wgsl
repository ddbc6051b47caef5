// Puts the rows of this pass into the cache, at their positions. Before it comes fours.wgsl, twos.wgsl or ones.wgsl.
override width: u32;

@group(0) @binding(1) var<storage, read> x: array<Part>;           // (tokens, width)
@group(0) @binding(2) var<storage, read_write> cache: array<Part>; // (positions, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, length)
  let length = width / PART;
  if (i < batch.tokens * length) {
    cache[batch.first_position * length + i] = x[i];
  }
}
