// The scores as in kq.wgsl, of four positions a thread, with K copied into a texture (data/x_texture.wgsl): llvmpipe reads that for all lanes at once.
// Before it comes fours.wgsl.
override heads: u32;
override kv_heads: u32;
override head_dim: u32;
override sees_all: u32 = 0u; // 1: tokens see those after them too

@group(0) @binding(1) var<storage, read> q: array<Part>;       // (tokens, heads · head_dim)
@group(0) @binding(3) var<storage, read_write> kq: array<f32>; // (tokens, heads · n_kv)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded_group(group, groups) * WORKGROUP + lane; // over (tokens, heads, n_kv / 4)
  let blocks = (batch.n_kv + 3u) / 4u;
  let position = i % blocks * 4u;
  let row = i / blocks; // (token, head)
  let token = row / heads;
  let last = select(batch.first_position + token, batch.n_kv - 1u, sees_all == 1u);
  if (token >= batch.tokens || position > last) {
    return;
  }
  let kv_head = row % heads / (heads / kv_heads);
  let parts = head_dim / PART;
  let at_q = row * parts;
  let k = (min(position + vec4u(0u, 1u, 2u, 3u), vec4u(last)) * kv_heads + kv_head) * parts;
  var sum = mat4x2f();
  for (var part = 0u; part < parts; part++) {
    let a = q[at_q + part];
    sum = mat4x2f(
      added(sum[0], a * x_at(k.x + part)),
      added(sum[1], a * x_at(k.y + part)),
      added(sum[2], a * x_at(k.z + part)),
      added(sum[3], a * x_at(k.w + part)),
    );
  }
  put(row, position, last, sum[0]);
  put(row, position + 1u, last, sum[1]);
  put(row, position + 2u, last, sum[2]);
  put(row, position + 3u, last, sum[3]);
}

fn put(row: u32, position: u32, last: u32, sum: vec2f) {
  if (position <= last) {
    kq[row * batch.n_kv + position] = sum.x + sum.y;
  }
}
