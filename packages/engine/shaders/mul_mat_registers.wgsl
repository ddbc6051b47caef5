// For CPU adapters: a thread keeps the sums of ROWS rows × TOKENS tokens in registers. A line with $r is there once for each of these rows,
// one with $t once for each of these tokens (products/repeat-lines.ts). Before it comes mul_mat_block.wgsl.
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
