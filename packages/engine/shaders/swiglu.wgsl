// gate ← silu(gate) · up, where silu(g) = g / (1 + e⁻ᵍ). Before it comes fours.wgsl, twos.wgsl or ones.wgsl.
override width: u32;

@group(0) @binding(1) var<storage, read> up: array<Part>;         // (tokens, width)
@group(0) @binding(2) var<storage, read_write> gate: array<Part>; // (tokens, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, width / PART)
  if (i < batch.tokens * width / PART) {
    let g = gate[i];
    gate[i] = g / (1.0 + exp(-g)) * up[i];
  }
}
