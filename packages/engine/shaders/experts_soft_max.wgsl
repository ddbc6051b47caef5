// softmax of each row, in place: of all experts, or of the chosen ones. One thread a row, which is short.
override width: u32;

@group(0) @binding(1) var<storage, read_write> x: array<f32>; // (tokens, width)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = folded_group(group, groups) * WORKGROUP + lane;
  if (token >= batch.tokens) {
    return;
  }
  let begin = token * width;
  var highest = -3.4e38;
  for (var i = begin; i < begin + width; i++) {
    highest = max(highest, x[i]);
  }
  var sum = 0.0;
  for (var i = begin; i < begin + width; i++) {
    let e = exp(x[i] - highest);
    x[i] = e;
    sum += e;
  }
  for (var i = begin; i < begin + width; i++) {
    x[i] /= sum;
  }
}
