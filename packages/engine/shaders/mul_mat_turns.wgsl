// For GPUs and few tokens: ROWS rows × TOKENS tokens, whose weights THREADS threads take turns at, 16 at a time. A line with $r is there once for each of
// these rows (products/repeat-lines.ts). Before it comes mul_mat_block.wgsl, and after it what adds up.
struct Rows {
  r$r: Sums,
}

// What a thread has of each row after all of its turns.
fn turns(row: u32, token: u32, lane: u32) -> Rows {
  let at$r = clamped_row_at(row + $ru);
  var rows: Rows;
  for (var i = lane; i < shape.columns / 16u; i += THREADS) {
    let block = STRIDE * (i / 16u * BLOCK);
    let h$r = header_at(at$r + block);
    let t = tokens(token, i * 4u);
    rows.r$r = accumulate(rows.r$r, h$r, at$r + block, i % 16u / 2u, i % 2u, t);
  }
  return rows;
}
