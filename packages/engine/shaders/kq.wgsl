// The scores K·Q, unscaled, of every head for every position up to the row's own. Later positions are left alone. Before it comes fours.wgsl, twos.wgsl or ones.wgsl.
override heads: u32;
override kv_heads: u32;
override head_dim: u32;
override sees_all: u32 = 0u; // 1: tokens see those after them too

@group(0) @binding(1) var<storage, read> q: array<Part>;       // (tokens, heads · head_dim)
@group(0) @binding(2) var<storage, read> k: array<Part>;       // (positions, kv_heads · head_dim)
@group(0) @binding(3) var<storage, read_write> kq: array<f32>; // (tokens, heads · n_kv)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, heads, n_kv)
  let position = i % batch.n_kv;
  let row = i / batch.n_kv; // (token, head)
  let token = row / heads;
  if (token >= batch.tokens || (sees_all == 0u && position > batch.first_position + token)) {
    return;
  }
  // Consecutive query heads share a KV head: 0 0 0 0 1 1 1 1 …
  let kv_head = row % heads / (heads / kv_heads);
  let parts = head_dim / PART;
  let at_q = row * parts;
  let at_k = (position * kv_heads + kv_head) * parts;
  var sum = vec2f(0.0);
  for (var at = at_q; at < at_q + parts; at++) { // not over a known number of parts: Mesa would unroll that, and compile it three times as long
    sum = added(sum, q[at] * k[at_k + (at - at_q)]);
  }
  kq[i] = sum.x + sum.y;
}
