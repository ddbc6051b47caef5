// x ← cap · tanh(x / cap): bent to stay within ± cap (Gemma Team 2024, arXiv:2408.00118).
override cap: f32;

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // whole rows of the tokens

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane;
  if (i < arrayLength(&x)) {
    x[i] = cap * exact_tanh(x[i] / cap);
  }
}
