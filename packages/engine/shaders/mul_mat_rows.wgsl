// For GPUs and few tokens: what the threads of a workgroup have (mul_mat_turns.wgsl) is added up in shared memory.
const THREADS = 64u;

var<workgroup> partial: array<Sums, ROWS * THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded_group(group, groups) * ROWS;
  let token = group.z * TOKENS;
  let rows = turns(row, token, lane);
  partial[$ru * THREADS + lane] = rows.r$r;
  for (var stride = THREADS / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) {
      add_other($ru * THREADS + lane, stride);
    }
  }
  if (lane == 0u) {
    store_row(row + $ru, token, partial[$ru * THREADS]);
  }
}

fn add_other(i: u32, further: u32) {
  partial[i].s$t += partial[i + further].s$t;
}
