// x ← cap · tanh(x / cap): bent to stay within ± cap (Gemma Team 2024, arXiv:2408.00118).
override cap: f32;
override width: u32;
override scores: u32; // 1: a row has width · n_kv values

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (tokens, width), or (tokens, width · n_kv)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane;
  if (i < batch.tokens * width * select(1u, batch.n_kv, scores == 1u)) {
    x[i] = cap * exact_tanh(x[i] / cap);
  }
}
