// x ← x / Σ x of each row: how much of the chosen experts' output is whose. llama.cpp divides by 2⁻¹⁴ at least.
override used: u32;

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (tokens, used)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = folded_group(group, groups) * WORKGROUP + lane;
  if (token >= batch.tokens) {
    return;
  }
  var sum = 0.0;
  for (var i = token * used; i < (token + 1u) * used; i++) {
    sum += x[i];
  }
  sum = max(sum, 0x1p-14);
  for (var i = token * used; i < (token + 1u) * used; i++) {
    x[i] /= sum;
  }
}
