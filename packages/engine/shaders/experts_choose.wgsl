// The experts with the largest values of each token, the largest first; of two that are alike the one that comes first. As numbers, so that
// they are rows like any other stage's.
override count: u32;
override used: u32;

@group(0) @binding(1) var<storage, read> x: array<f32>;            // (tokens, count)
@group(0) @binding(2) var<storage, read_write> chosen: array<f32>; // (tokens, used)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = folded_group(group, groups) * WORKGROUP + lane;
  if (token >= batch.tokens) {
    return;
  }
  let begin = token * count;
  var last = 3.4e38; // the value chosen before, and where it was
  var last_at = 0u;
  for (var slot = 0u; slot < used; slot++) {
    var best = -3.4e38;
    var best_at = 0u;
    for (var i = 0u; i < count; i++) {
      let value = x[begin + i];
      let is_left = slot == 0u || value < last || (value == last && i > last_at);
      if (is_left && value > best) {
        best = value;
        best_at = i;
      }
    }
    chosen[token * used + slot] = f32(best_at);
    last = best;
    last_at = best_at;
  }
}
