// For GPUs and few tokens: a workgroup computes ROWS rows × TOKENS tokens. Its threads take turns at the weights, 16 at a time. A line with $r is there once
// for each of these rows, one with $t once for each of these tokens (products/repeat-lines.ts). Before it comes mul_mat_block.wgsl.
const THREADS = 64u;

var<workgroup> partial: array<Sums, ROWS * THREADS>;

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
  partial[$ru * THREADS + lane] = sum$r;
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
