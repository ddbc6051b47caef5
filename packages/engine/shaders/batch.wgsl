// What every kernel of a pass knows about the tokens it works on. Prepended to each kernel.
struct Batch {
  tokens: u32,         // rows in this pass
  first_position: u32, // position of the first row in the sequence
  n_kv: u32,           // positions seen so far, this pass included
}

@group(0) @binding(0) var<uniform> batch: Batch;

const WORKGROUP: u32 = 64u;

// A dispatch has at most 65535 workgroups in a dimension, so long ones are folded into two.
fn folded_group(group: vec3u, groups: vec3u) -> u32 {
  return group.y * groups.x + group.x;
}
