// Fused multiply-adds on registers alone: the arithmetic that a kernel can hope for. 64 a turn.
override turns: u32;

@group(0) @binding(0) var<storage, read> data: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let x = data[thread.x & 1023u];
  let y = data[(thread.x + 1u) & 1023u];
  var a = x;
  var b = x + 1.0;
  var c = x + 2.0;
  var d = x + 3.0;
  var e = y;
  var f = y + 1.0;
  var g = y + 2.0;
  var h = y + 3.0;
  for (var i = 0u; i < turns; i++) {
    a = fma(a, x, y);
    b = fma(b, x, y);
    c = fma(c, x, y);
    d = fma(d, x, y);
    e = fma(e, x, y);
    f = fma(f, x, y);
    g = fma(g, x, y);
    h = fma(h, x, y);
    a = fma(a, y, x);
    b = fma(b, y, x);
    c = fma(c, y, x);
    d = fma(d, y, x);
    e = fma(e, y, x);
    f = fma(f, y, x);
    g = fma(g, y, x);
    h = fma(h, y, x);
  }
  let sum = a + b + c + d + e + f + g + h;
  sums[thread.x] = sum.x + sum.y + sum.z + sum.w;
}
