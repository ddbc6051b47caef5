// y ← y times the share of its expert.
override width: u32;
override used: u32;

@group(0) @binding(1) var<storage, read> shares: array<f32>;  // (tokens, used)
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // (tokens, used, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, used, width)
  if (i < batch.tokens * used * width) {
    y[i] *= shares[i / width];
  }
}
