// y ← silu(x₁) · x₂, where x₁ and x₂ are the halves of each row, and silu(g) = g / (1 + e⁻ᵍ).
override width: u32;

@group(0) @binding(1) var<storage, read> x: array<f32>;       // (tokens, 2 · width)
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // (tokens, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, width)
  if (i < batch.tokens * width) {
    let at = i / width * 2u * width + i % width;
    let g = x[at];
    y[i] = g / (1.0 + exp(-g)) * x[at + width];
  }
}
