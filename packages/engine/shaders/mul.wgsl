// y ← y · w, the same weight for every row. Before it comes fours.wgsl, twos.wgsl or ones.wgsl.
override width: u32;
override parts: u32 = 1u; // of a token's row, each as wide as the weight: its heads

@group(0) @binding(1) var<storage, read> w: array<Part>;       // (width)
@group(0) @binding(2) var<storage, read_write> y: array<Part>; // (tokens, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, parts, length)
  let length = width / PART;
  if (i < batch.tokens * parts * length) {
    y[i] *= w[i % length];
  }
}
