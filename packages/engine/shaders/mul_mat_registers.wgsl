// For CPU adapters: a thread keeps the sums of ROWS rows × TOKENS tokens in registers. A line with $r is there once for each of these rows,
// one with $t once for each of these tokens (products/repeat-lines.ts).
const LANES = 8u; // neighbours compute neighbouring rows

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded_group(group, groups) * ROWS * LANES + lane;
  let token = group.z * TOKENS;
  if (row >= shape.rows) {
    return;
  }
  let at$r = clamped_row_at(row + $ru * LANES);
  var sum$r = Sums();
  var quad = 0u;
  var block = 0u;
  for (var left = shape.columns / 16u; left > 0u; left -= min(left, 16u)) {
    let h$r = header_at(at$r + block);
    for (var i = 0u; i < min(left, 16u); i++) {
      let chunk = i / 2u;
      let part = i % 2u;
      let t = tokens(token, quad);
      sum$r = accumulate(sum$r, h$r, at$r + block, chunk, part, t);
      quad += 4u;
    }
    block += STRIDE * BLOCK;
  }
  store_row(row + $ru * LANES, token, sum$r);
}

// Rows past the end compute the last one again, and are not stored.
fn clamped_row_at(row: u32) -> u32 {
  return row_at(min(row, shape.rows - 1u), shape.columns);
}

// 16 numbers of each token, and their sums.
struct Tokens {
  t$t: mat4x4f,
  sum$t: f32,
}

fn tokens(token: u32, quad: u32) -> Tokens {
  var t: Tokens;
  t.t$t = sixteen(clamped_token_at(token + $tu) + quad);
  t.sum$t = sum16(t.t$t);
  return t;
}

fn clamped_token_at(token: u32) -> u32 {
  return min(token, shape.tokens - 1u) * (shape.columns / 4u);
}

// A sum for each token.
struct Sums {
  s$t: f32,
}

// Adds the products of 16 weights of a row with 16 numbers of each token.
fn accumulate(sums: Sums, h: Header, at: u32, chunk: u32, part: u32, t: Tokens) -> Sums {
  let s = scale_of(h, chunk);
  let q = quants(h, at, chunk, part);
  var sum = sums;
  if (MINIMUM) {
    sum.s$t = sum.s$t + s.x * dot16(q, t.t$t) + s.y * t.sum$t;
  } else {
    sum.s$t = sum.s$t + s.x * dot16(q, t.t$t);
  }
  return sum;
}

fn store_row(row: u32, token: u32, sum: Sums) {
  store(row, token + $tu, sum.s$t);
}
