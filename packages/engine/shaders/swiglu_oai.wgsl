// gate ← g / (1 + e^(−1.702 · g)) · (u + 1), where g is at most 7 and u within ± 7 (gpt-oss; ggml's SWIGLU_OAI).
override width: u32;
const ALPHA = 1.702;
const LIMIT = 7.0;

@group(0) @binding(1) var<storage, read> up: array<f32>;         // (tokens, width)
@group(0) @binding(2) var<storage, read_write> gate: array<f32>; // (tokens, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane;
  if (i < batch.tokens * width) {
    let g = min(gate[i], LIMIT);
    gate[i] = g / (1.0 + exp(-ALPHA * g)) * (clamp(up[i], -LIMIT, LIMIT) + 1.0);
  }
}
