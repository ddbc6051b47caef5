// y ← silu(x₁) · x₂, where x₁ and x₂ are the halves of each row, and silu(g) = g / (1 + e⁻ᵍ). Before it comes fours.wgsl, twos.wgsl or ones.wgsl.
override width: u32;

@group(0) @binding(1) var<storage, read> x: array<Part>;       // (tokens, 2 · width)
@group(0) @binding(2) var<storage, read_write> y: array<Part>; // (tokens, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, length)
  let length = width / PART;
  if (i < batch.tokens * length) {
    let at = i / length * 2u * length + i % length;
    let g = x[at];
    y[i] = g / (1.0 + exp(-g)) * x[at + length];
  }
}
