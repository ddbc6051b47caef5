// For GPUs that have subgroups, and few tokens: mul_mat_rows.wgsl with a workgroup that is all in one of them, and so adds up without barriers. Before it
// comes mul_mat_block.wgsl; THREADS are no more than the smallest subgroup has.
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded_group(group, groups) * ROWS;
  let token = group.z * TOKENS;
  let at$r = clamped_row_at(row + $ru);
  var sum$r = Sums();
  for (var i = lane; i < shape.columns / 16u; i += THREADS) {
    let block = STRIDE * (i / 16u * BLOCK);
    let h$r = header_at(at$r + block);
    let t = tokens(token, i * 4u);
    sum$r = accumulate(sum$r, h$r, at$r + block, i % 16u / 2u, i % 2u, t);
  }
  sum$r = added_up(sum$r);
  if (lane == 0u) {
    store_row(row + $ru, token, sum$r);
  }
}

fn added_up(sums: Sums) -> Sums {
  var sum: Sums;
  sum.s$t = subgroupAdd(sums.s$t);
  return sum;
}
