// Reads every vec4 once: the bandwidth that a kernel can hope for. Before it comes read_buffer.wgsl or read_texture.wgsl.
override per_thread: u32; // vec4s
// Where a thread's first one is, in units of its number, and how far its next is from one.
override first: u32;
override step: u32;

@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let begin = thread.x * first;
  var a = vec4f();
  var b = vec4f();
  var c = vec4f();
  var d = vec4f();
  for (var i = 0u; i < per_thread; i += 4u) {
    a += data_at(begin + i * step);
    b += data_at(begin + (i + 1u) * step);
    c += data_at(begin + (i + 2u) * step);
    d += data_at(begin + (i + 3u) * step);
  }
  let sum = a + b + c + d;
  sums[thread.x] = sum.x + sum.y + sum.z + sum.w;
}
