// What a thread has of a block of ROWS rows × TOKENS tokens. A line with $t is there once for each of these tokens (products/repeat-lines.ts).

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
