// The weighted values as in kqv.wgsl, 16 of them a thread, with V copied into a texture (data/x_texture.wgsl): llvmpipe reads that for all lanes at once.
// Before it come data/sixteen.wgsl and fours.wgsl.
override heads: u32;
override kv_heads: u32;
override head_dim: u32;
override sees_all: u32 = 0u; // 1: tokens see those after them too

@group(0) @binding(1) var<storage, read> p: array<f32>;          // (tokens, heads · n_kv)
@group(0) @binding(3) var<storage, read_write> kqv: array<Part>; // (tokens, heads · head_dim)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, heads, head_dim / 16)
  let parts = head_dim / PART;
  let row = i / (parts / 4u); // (token, head)
  let token = row / heads;
  if (token >= batch.tokens) {
    return;
  }
  let part = i % (parts / 4u) * 4u;
  let kv_head = row % heads / (heads / kv_heads);
  let stride = kv_heads * parts;
  let seen = select(batch.first_position + token + 1u, batch.n_kv, sees_all == 1u);
  let at_p = row * batch.n_kv;
  var at_v = kv_head * parts + part;
  var even = mat4x4f(); // two sums, for rounding: of even positions and of odd ones
  var odd = mat4x4f();
  for (var position = 0u; position < seen; position++) {
    let term = p[at_p + position] * sixteen(at_v);
    if ((position & 1u) == 0u) {
      even += term;
    } else {
      odd += term;
    }
    at_v += stride;
  }
  let sum = even + odd;
  let to = row * parts + part;
  kqv[to] = sum[0];
  kqv[to + 1u] = sum[1];
  kqv[to + 2u] = sum[2];
  kqv[to + 3u] = sum[3];
}
