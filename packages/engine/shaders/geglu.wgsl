// gate ← gelu(gate) · up, where gelu(g) = g / 2 · (1 + tanh(√(2 / π) · (g + 0.044715 · g³))), as ggml has it.
override width: u32;

@group(0) @binding(1) var<storage, read> up: array<f32>;         // (tokens, width)
@group(0) @binding(2) var<storage, read_write> gate: array<f32>; // (tokens, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane;
  if (i < batch.tokens * width) {
    let g = gate[i];
    gate[i] = 0.5 * g * (1.0 + exact_tanh(0.7978845608028654 * g * (1.0 + 0.044715 * g * g))) * up[i];
  }
}
