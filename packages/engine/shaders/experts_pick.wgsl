// y ← the values of the chosen experts.
override count: u32;
override used: u32;

@group(0) @binding(1) var<storage, read> x: array<f32>;       // (tokens, count)
@group(0) @binding(2) var<storage, read> chosen: array<f32>;  // (tokens, used)
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (tokens, used)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, used)
  if (i < batch.tokens * used) {
    y[i] = x[i / used * count + u32(chosen[i])];
  }
}
