// For GPUs and many tokens: a workgroup computes ROWS rows × TOKENS tokens, both multiples of 16. Chunk by chunk it dequantises the rows' weights and
// fetches the tokens' numbers into shared memory; each of its 16 × TOKENS / 4 threads keeps the sums of four rows × four tokens, a quarter of each apart.
const THREADS = 4u * TOKENS;
const SIDE = ROWS / 4u; // 16
const PARTS = 2u; // of a chunk of 32 numbers, each of four times four
const QUADS = 8u;

// Four numbers along a row at a time, and row beside row: neighbouring threads read neighbouring words.
var<workgroup> w_tile: array<vec4f, QUADS * ROWS>;
var<workgroup> x_tile: array<vec4f, QUADS * TOKENS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded_group(group, groups) * ROWS;
  let token = group.z * TOKENS;
  let lane_row = lane % SIDE;
  let lane_token = lane / SIDE;

  // a column for each row of the thread, in it a sum for each token
  var sums = mat4x4f();
  for (var chunk = 0u; chunk < shape.columns / 32u; chunk++) {
    for (var i = lane; i < PARTS * (ROWS + TOKENS); i += THREADS) {
      if (i < PARTS * ROWS) {
        fill_w(row, i % ROWS, chunk, i / ROWS);
      } else {
        let j = i - PARTS * ROWS;
        fill_x(token, j % TOKENS, chunk, j / TOKENS);
      }
    }
    workgroupBarrier();
    for (var quad = 0u; quad < QUADS; quad++) {
      let w = quad * ROWS + lane_row;
      let t = quad * TOKENS + lane_token;
      let x0 = x_tile[t];
      let x1 = x_tile[t + TOKENS / 4u];
      let x2 = x_tile[t + TOKENS / 2u];
      let x3 = x_tile[t + TOKENS / 4u * 3u];
      sums[0] += dots(w_tile[w], x0, x1, x2, x3);
      sums[1] += dots(w_tile[w + SIDE], x0, x1, x2, x3);
      sums[2] += dots(w_tile[w + 2u * SIDE], x0, x1, x2, x3);
      sums[3] += dots(w_tile[w + 3u * SIDE], x0, x1, x2, x3);
    }
    workgroupBarrier();
  }
  store_row(row + lane_row, token + lane_token, sums[0]);
  store_row(row + lane_row + SIDE, token + lane_token, sums[1]);
  store_row(row + lane_row + 2u * SIDE, token + lane_token, sums[2]);
  store_row(row + lane_row + 3u * SIDE, token + lane_token, sums[3]);
}

// 16 weights of a row of the tile.
fn fill_w(row: u32, i: u32, chunk: u32, part: u32) {
  let w = weights_at(clamped_row_at(row + i), chunk * 32u + part * 16u);
  let at = part * 4u * ROWS + i;
  w_tile[at] = w[0];
  w_tile[at + ROWS] = w[1];
  w_tile[at + 2u * ROWS] = w[2];
  w_tile[at + 3u * ROWS] = w[3];
}

// 16 numbers of a token of the tile.
fn fill_x(token: u32, i: u32, chunk: u32, part: u32) {
  let a = sixteen(min(token + i, shape.tokens - 1u) * (shape.columns / 4u) + chunk * QUADS + part * 4u);
  let at = part * 4u * TOKENS + i;
  x_tile[at] = a[0];
  x_tile[at + TOKENS] = a[1];
  x_tile[at + 2u * TOKENS] = a[2];
  x_tile[at + 3u * TOKENS] = a[3];
}

fn dots(w: vec4f, x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f) -> vec4f {
  return vec4f(dot(w, x0), dot(w, x1), dot(w, x2), dot(w, x3));
}

fn store_row(row: u32, token: u32, sum: vec4f) {
  store(row, token, sum.x);
  store(row, token + TOKENS / 4u, sum.y);
  store(row, token + TOKENS / 2u, sum.z);
  store(row, token + TOKENS / 4u * 3u, sum.w);
}
