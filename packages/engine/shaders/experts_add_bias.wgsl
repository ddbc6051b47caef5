// y ← y + b, the bias of each chosen expert.
override rows: u32; // of one expert
override used: u32;

@group(0) @binding(1) var<storage, read> b: array<f32>;       // (experts, rows)
@group(0) @binding(2) var<storage, read> chosen: array<f32>;  // (tokens, used)
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // (tokens, used, rows)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, used, rows)
  if (i < batch.tokens * used * rows) {
    y[i] += b[u32(chosen[i / rows]) * rows + i % rows];
  }
}
