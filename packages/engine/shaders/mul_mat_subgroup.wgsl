// For GPUs that have subgroups, and few tokens: what the threads have (mul_mat_turns.wgsl) is added up without barriers, since a workgroup is all in one
// subgroup: it has THREADS, no more than the smallest.
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded_group(group, groups) * ROWS;
  let token = group.z * TOKENS;
  let rows = turns(row, token, lane);
  let sum$r = added_up(rows.r$r);
  if (lane == 0u) {
    store_row(row + $ru, token, sum$r);
  }
}

fn added_up(sums: Sums) -> Sums {
  var sum: Sums;
  sum.s$t = subgroupAdd(sums.s$t);
  return sum;
}
