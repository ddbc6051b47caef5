// softmax(scale · kq) over the positions that the row's token sees; the others become 0. A sink of each head takes
// its share of the sum, and gives nothing. One workgroup per (token, head).
override heads: u32;
override scale: f32;
override sees_all: u32 = 0u; // 1: tokens see those after them too
override window: u32 = 0u;   // how many positions a token sees, its own among them; 0: all
override threads: u32; // of a row

@group(0) @binding(1) var<storage, read_write> kq: array<f32>; // (tokens, heads · n_kv)
@group(0) @binding(2) var<storage, read> sinks: array<f32>;    // (heads)

var<workgroup> partial: array<f32, threads>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded_group(group, groups); // (token, head)
  let begin = row * batch.n_kv;
  let until = select(batch.first_position + row / heads + 1u, batch.n_kv, sees_all == 1u);
  let seen = select(0u, until, row < batch.tokens * heads);
  let from_window = select(0u, seen - window, window > 0u && seen > window);

  var highest = -3.4e38;
  for (var i = from_window + lane; i < seen; i += threads) {
    highest = max(highest, scale * kq[begin + i]);
  }
  partial[lane] = highest;
  workgroupBarrier();
  for (var half = threads / 2u; half > 0u; half >>= 1u) {
    if (lane < half) {
      partial[lane] = max(partial[lane], partial[lane + half]);
    }
    workgroupBarrier();
  }
  let sink = sinks[row % heads];
  highest = max(partial[0], sink);
  workgroupBarrier();

  var sum = 0.0;
  for (var i = from_window + lane; i < seen; i += threads) {
    let e = exp(scale * kq[begin + i] - highest);
    kq[begin + i] = e;
    sum += e;
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var half = threads / 2u; half > 0u; half >>= 1u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  sum = partial[0] + exp(sink - highest);

  for (var i = from_window + lane; i < seen; i += threads) {
    kq[begin + i] /= sum;
  }
  for (var i = lane; i < from_window; i += threads) {
    kq[i + begin] = 0.0;
  }
  if (seen > 0u) {
    for (var i = seen + lane; i < batch.n_kv; i += threads) {
      kq[begin + i] = 0.0;
    }
  }
}
