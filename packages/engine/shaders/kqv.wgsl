// The values of every head, weighted by its softmax row: a part of them a thread. Before it comes fours.wgsl, twos.wgsl or ones.wgsl.
override heads: u32;
override kv_heads: u32;
override head_dim: u32;
override sees_all: u32 = 0u; // 1: tokens see those after them too

@group(0) @binding(1) var<storage, read> p: array<f32>;         // (tokens, heads · n_kv)
@group(0) @binding(2) var<storage, read> v: array<Part>;        // (positions, kv_heads · head_dim)
@group(0) @binding(3) var<storage, read_write> kqv: array<Part>; // (tokens, heads · head_dim)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, heads, parts)
  let parts = head_dim / PART;
  let row = i / parts; // (token, head)
  let token = row / heads;
  if (token >= batch.tokens) {
    return;
  }
  let kv_head = row % heads / (heads / kv_heads);
  let at_v = kv_head * parts + i % parts;
  let seen = select(batch.first_position + token + 1u, batch.n_kv, sees_all == 1u);
  var even = Part(); // two sums, for rounding: of even positions and of odd ones
  var odd = Part();
  for (var position = 0u; position < seen; position++) {
    let term = p[row * batch.n_kv + position] * v[position * kv_heads * parts + at_v];
    if ((position & 1u) == 0u) {
      even += term;
    } else {
      odd += term;
    }
  }
  kqv[i] = even + odd;
}
