// Reads every vec4 of the buffer once: the bandwidth that a kernel can hope for.
override per_thread: u32; // vec4s

@group(0) @binding(0) var<storage, read> data: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let begin = thread.x * per_thread;
  var a = vec4f();
  var b = vec4f();
  var c = vec4f();
  var d = vec4f();
  for (var i = begin; i < begin + per_thread; i += 4u) {
    a += data[i];
    b += data[i + 1u];
    c += data[i + 2u];
    d += data[i + 3u];
  }
  let sum = a + b + c + d;
  sums[thread.x] = sum.x + sum.y + sum.z + sum.w;
}
