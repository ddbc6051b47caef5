// The values of every head, weighted by its softmax row.
override heads: u32;
override kv_heads: u32;
override head_dim: u32;
override sees_all: u32 = 0u; // 1: tokens see those after them too

@group(0) @binding(1) var<storage, read> p: array<f32>;         // (tokens, heads · n_kv)
@group(0) @binding(2) var<storage, read> v: array<f32>;         // (positions, kv_heads · head_dim)
@group(0) @binding(3) var<storage, read_write> kqv: array<f32>; // (tokens, heads · head_dim)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, heads, head_dim)
  let row = i / head_dim; // (token, head)
  let token = row / heads;
  if (token >= batch.tokens) {
    return;
  }
  let kv_head = row % heads / (heads / kv_heads);
  let at_v = kv_head * head_dim + i % head_dim;
  let seen = select(batch.first_position + token + 1u, batch.n_kv, sees_all == 1u);
  var sum = vec2f(0.0); // two sums, for rounding
  for (var position = 0u; position < seen; position++) {
    let term = p[row * batch.n_kv + position] * v[position * kv_heads * head_dim + at_v];
    sum += select(vec2f(term, 0.0), vec2f(0.0, term), (position & 1u) == 1u);
  }
  kqv[i] = sum.x + sum.y;
}
