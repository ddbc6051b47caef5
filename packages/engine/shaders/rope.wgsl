// Rotates the pairs (0, 1), (2, 3), … of every head by the angles of the row's position.
// llama.cpp rotates adjacent pairs for the llama architecture, not the halves of a head.
override heads: u32;
override head_dim: u32;
override halves: u32; // 1: other architectures turn j with j + dims / 2
override dims: u32;   // so many values of a head are turned, all of them without halves; those after them stay

@group(0) @binding(1) var<storage, read> rotation: array<vec2f>; // (positions, dims / 2): cos, sin
@group(0) @binding(2) var<storage, read_write> x: array<f32>;    // (tokens, heads · head_dim)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let pairs = dims / 2u;
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, heads, pairs)
  if (i >= batch.tokens * heads * pairs) {
    return;
  }
  let token = i / (heads * pairs);
  let r = rotation[(batch.first_position + token) * pairs + i % pairs];
  if (halves == 1u) {
    let p = i / pairs * head_dim + i % pairs;
    let c = x[p];
    let d = x[p + pairs];
    put(p, c * r.x - d * r.y);
    put(p + pairs, c * r.y + d * r.x);
    return;
  }
  let a = x[2u * i];
  let b = x[2u * i + 1u];
  put(2u * i, a * r.x - b * r.y);
  put(2u * i + 1u, a * r.y + b * r.x);
}
