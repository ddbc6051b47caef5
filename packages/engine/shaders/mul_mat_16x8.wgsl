// For CPU adapters and products large enough to pay for its compilation: a thread keeps the sums of 16 rows × eight tokens.
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (folded_group(group, groups) * 8u + lane) * 16u;
  let token = group.z * 8u;
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
  let at8 = clamped_row_at(row + 8u);
  let at9 = clamped_row_at(row + 9u);
  let at10 = clamped_row_at(row + 10u);
  let at11 = clamped_row_at(row + 11u);
  let at12 = clamped_row_at(row + 12u);
  let at13 = clamped_row_at(row + 13u);
  let at14 = clamped_row_at(row + 14u);
  let at15 = clamped_row_at(row + 15u);
  var sum0 = Sums();
  var sum1 = Sums();
  var sum2 = Sums();
  var sum3 = Sums();
  var sum4 = Sums();
  var sum5 = Sums();
  var sum6 = Sums();
  var sum7 = Sums();
  var sum8 = Sums();
  var sum9 = Sums();
  var sum10 = Sums();
  var sum11 = Sums();
  var sum12 = Sums();
  var sum13 = Sums();
  var sum14 = Sums();
  var sum15 = Sums();
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
    let h8 = header_at(at8 + block);
    let h9 = header_at(at9 + block);
    let h10 = header_at(at10 + block);
    let h11 = header_at(at11 + block);
    let h12 = header_at(at12 + block);
    let h13 = header_at(at13 + block);
    let h14 = header_at(at14 + block);
    let h15 = header_at(at15 + block);
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
      sum8 = accumulate(sum8, h8, at8 + block, chunk, part, t);
      sum9 = accumulate(sum9, h9, at9 + block, chunk, part, t);
      sum10 = accumulate(sum10, h10, at10 + block, chunk, part, t);
      sum11 = accumulate(sum11, h11, at11 + block, chunk, part, t);
      sum12 = accumulate(sum12, h12, at12 + block, chunk, part, t);
      sum13 = accumulate(sum13, h13, at13 + block, chunk, part, t);
      sum14 = accumulate(sum14, h14, at14 + block, chunk, part, t);
      sum15 = accumulate(sum15, h15, at15 + block, chunk, part, t);
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
  store_row(row + 8u, token, sum8);
  store_row(row + 9u, token, sum9);
  store_row(row + 10u, token, sum10);
  store_row(row + 11u, token, sum11);
  store_row(row + 12u, token, sum12);
  store_row(row + 13u, token, sum13);
  store_row(row + 14u, token, sum14);
  store_row(row + 15u, token, sum15);
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
  t4: mat4x4f,
  t5: mat4x4f,
  t6: mat4x4f,
  t7: mat4x4f,
  sums_a: vec4f,
  sums_b: vec4f,
}

fn tokens(token: u32, quad: u32) -> Tokens {
  let t0 = sixteen(clamped_token_at(token) + quad);
  let t1 = sixteen(clamped_token_at(token + 1u) + quad);
  let t2 = sixteen(clamped_token_at(token + 2u) + quad);
  let t3 = sixteen(clamped_token_at(token + 3u) + quad);
  let t4 = sixteen(clamped_token_at(token + 4u) + quad);
  let t5 = sixteen(clamped_token_at(token + 5u) + quad);
  let t6 = sixteen(clamped_token_at(token + 6u) + quad);
  let t7 = sixteen(clamped_token_at(token + 7u) + quad);
  let sums_a = vec4f(sum16(t0), sum16(t1), sum16(t2), sum16(t3));
  let sums_b = vec4f(sum16(t4), sum16(t5), sum16(t6), sum16(t7));
  return Tokens(t0, t1, t2, t3, t4, t5, t6, t7, sums_a, sums_b);
}

fn clamped_token_at(token: u32) -> u32 {
  return min(token, shape.tokens - 1u) * (shape.columns / 4u);
}

struct Sums {
  a: vec4f, // of tokens 0…3
  b: vec4f, // of tokens 4…7
}

// Adds the products of 16 weights of a row with 16 numbers of each token.
fn accumulate(sum: Sums, h: Header, at: u32, chunk: u32, part: u32, t: Tokens) -> Sums {
  let s = scale_of(h, chunk);
  let q = quants(h, at, chunk, part);
  let a = vec4f(dot16(q, t.t0), dot16(q, t.t1), dot16(q, t.t2), dot16(q, t.t3));
  let b = vec4f(dot16(q, t.t4), dot16(q, t.t5), dot16(q, t.t6), dot16(q, t.t7));
  if (MINIMUM) {
    return Sums(sum.a + s.x * a + s.y * t.sums_a, sum.b + s.x * b + s.y * t.sums_b);
  }
  return Sums(sum.a + s.x * a, sum.b + s.x * b);
}

fn store_row(row: u32, token: u32, sum: Sums) {
  store(row, token, sum.a.x);
  store(row, token + 1u, sum.a.y);
  store(row, token + 2u, sum.a.z);
  store(row, token + 3u, sum.a.w);
  store(row, token + 4u, sum.b.x);
  store(row, token + 5u, sum.b.y);
  store(row, token + 6u, sum.b.z);
  store(row, token + 7u, sum.b.w);
}
