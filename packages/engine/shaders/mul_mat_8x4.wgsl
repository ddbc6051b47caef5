// For CPU adapters: a thread keeps the sums of eight rows × four tokens in registers.
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (folded_group(group, groups) * 8u + lane) * 8u;
  let token = group.z * 4u;
  if (row >= shape.rows) {
    return;
  }
  let at0 = clamped_row_at(row);
  let at1 = clamped_row_at(row + 1u);
  let at2 = clamped_row_at(row + 2u);
  let at3 = clamped_row_at(row + 3u);
  let at4 = clamped_row_at(row + 4u);
  let at5 = clamped_row_at(row + 5u);
  let at6 = clamped_row_at(row + 6u);
  let at7 = clamped_row_at(row + 7u);
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  var sum4 = vec4f();
  var sum5 = vec4f();
  var sum6 = vec4f();
  var sum7 = vec4f();
  var quad = 0u;
  var block = 0u;
  for (var left = shape.columns / 16u; left > 0u; left -= min(left, 16u)) {
    let h0 = header_at(at0 + block);
    let h1 = header_at(at1 + block);
    let h2 = header_at(at2 + block);
    let h3 = header_at(at3 + block);
    let h4 = header_at(at4 + block);
    let h5 = header_at(at5 + block);
    let h6 = header_at(at6 + block);
    let h7 = header_at(at7 + block);
    for (var i = 0u; i < min(left, 16u); i++) {
      let chunk = i / 2u;
      let part = i % 2u;
      let t = tokens(token, quad);
      sum0 = accumulate(sum0, h0, at0 + block, chunk, part, t);
      sum1 = accumulate(sum1, h1, at1 + block, chunk, part, t);
      sum2 = accumulate(sum2, h2, at2 + block, chunk, part, t);
      sum3 = accumulate(sum3, h3, at3 + block, chunk, part, t);
      sum4 = accumulate(sum4, h4, at4 + block, chunk, part, t);
      sum5 = accumulate(sum5, h5, at5 + block, chunk, part, t);
      sum6 = accumulate(sum6, h6, at6 + block, chunk, part, t);
      sum7 = accumulate(sum7, h7, at7 + block, chunk, part, t);
      quad += 4u;
    }
    block += BLOCK;
  }
  store_row(row, token, sum0);
  store_row(row + 1u, token, sum1);
  store_row(row + 2u, token, sum2);
  store_row(row + 3u, token, sum3);
  store_row(row + 4u, token, sum4);
  store_row(row + 5u, token, sum5);
  store_row(row + 6u, token, sum6);
  store_row(row + 7u, token, sum7);
}

// Rows past the end compute the last one again, and are not stored.
fn clamped_row_at(row: u32) -> u32 {
  return row_at(min(row, shape.rows - 1u), shape.columns);
}

// 16 numbers of each token, and their sums.
struct Tokens {
  t0: mat4x4f,
  t1: mat4x4f,
  t2: mat4x4f,
  t3: mat4x4f,
  sums: vec4f,
}

fn tokens(token: u32, quad: u32) -> Tokens {
  let t0 = sixteen(clamped_token_at(token) + quad);
  let t1 = sixteen(clamped_token_at(token + 1u) + quad);
  let t2 = sixteen(clamped_token_at(token + 2u) + quad);
  let t3 = sixteen(clamped_token_at(token + 3u) + quad);
  let sums = vec4f(sum16(t0), sum16(t1), sum16(t2), sum16(t3));
  return Tokens(t0, t1, t2, t3, sums);
}

fn clamped_token_at(token: u32) -> u32 {
  return min(token, shape.tokens - 1u) * (shape.columns / 4u);
}

// Adds the products of 16 weights of a row with 16 numbers of each token.
fn accumulate(sum: vec4f, h: Header, at: u32, chunk: u32, part: u32, t: Tokens) -> vec4f {
  let s = scale_of(h, chunk);
  let q = quants(h, at, chunk, part);
  let dots = vec4f(dot16(q, t.t0), dot16(q, t.t1), dot16(q, t.t2), dot16(q, t.t3));
  if (MINIMUM) {
    return sum + s.x * dots + s.y * t.sums;
  }
  return sum + s.x * dots;
}

fn store_row(row: u32, token: u32, sum: vec4f) {
  store(row, token, sum.x);
  store(row, token + 1u, sum.y);
  store(row, token + 2u, sum.z);
  store(row, token + 3u, sum.w);
}
