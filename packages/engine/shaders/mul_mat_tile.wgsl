// For GPUs and many tokens: a workgroup computes 64 rows × 64 tokens. Chunk by chunk it dequantises the rows' weights and
// fetches the tokens' numbers into shared memory; each of its 16 × 16 threads keeps the sums of four rows × four tokens.
const SIDE = 64u;
const QUADS = 8u; // of a chunk of 32

// Four numbers along a row at a time, and row beside row: neighbouring threads read neighbouring words.
var<workgroup> w_tile: array<vec4f, QUADS * SIDE>;
var<workgroup> x_tile: array<vec4f, QUADS * SIDE>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded_group(group, groups) * SIDE;
  let token = group.z * SIDE;
  let lane_row = lane % 16u;
  let lane_token = lane / 16u;

  // The first half of the threads fills the tile of weights, the second that of x; each of them 16 numbers of one row.
  let fills_w = lane < 128u;
  let side = lane % SIDE;
  let part = lane / SIDE % 2u;
  let w_at = row_at(min(row + side, shape.rows - 1u), shape.columns);
  let x_at = min(token + side, shape.tokens - 1u) * (shape.columns / 4u) + part * 4u;
  let tile_at = part * 4u * SIDE + side;

  // a column for each row of the thread, in it a sum for each token
  var sums = mat4x4f();
  for (var chunk = 0u; chunk < shape.columns / 32u; chunk++) {
    if (fills_w) {
      let w = weights_at(w_at, chunk * 32u + part * 16u);
      w_tile[tile_at] = w[0];
      w_tile[tile_at + SIDE] = w[1];
      w_tile[tile_at + 2u * SIDE] = w[2];
      w_tile[tile_at + 3u * SIDE] = w[3];
    } else {
      let a = sixteen(x_at + chunk * QUADS);
      x_tile[tile_at] = a[0];
      x_tile[tile_at + SIDE] = a[1];
      x_tile[tile_at + 2u * SIDE] = a[2];
      x_tile[tile_at + 3u * SIDE] = a[3];
    }
    workgroupBarrier();
    for (var quad = 0u; quad < QUADS; quad++) {
      let w = quad * SIDE + lane_row;
      let t = quad * SIDE + lane_token;
      let x0 = x_tile[t];
      let x1 = x_tile[t + 16u];
      let x2 = x_tile[t + 32u];
      let x3 = x_tile[t + 48u];
      sums[0] += dots(w_tile[w], x0, x1, x2, x3);
      sums[1] += dots(w_tile[w + 16u], x0, x1, x2, x3);
      sums[2] += dots(w_tile[w + 32u], x0, x1, x2, x3);
      sums[3] += dots(w_tile[w + 48u], x0, x1, x2, x3);
    }
    workgroupBarrier();
  }
  store_row(row + lane_row, token + lane_token, sums[0]);
  store_row(row + lane_row + 16u, token + lane_token, sums[1]);
  store_row(row + lane_row + 32u, token + lane_token, sums[2]);
  store_row(row + lane_row + 48u, token + lane_token, sums[3]);
}

fn dots(w: vec4f, x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f) -> vec4f {
  return vec4f(dot(w, x0), dot(w, x1), dot(w, x2), dot(w, x3));
}

fn store_row(row: u32, token: u32, sum: vec4f) {
  store(row, token, sum.x);
  store(row, token + 16u, sum.y);
  store(row, token + 32u, sum.z);
  store(row, token + 48u, sum.w);
}
