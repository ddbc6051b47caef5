// x, (tokens, columns), in a buffer.
@group(0) @binding(2) var<storage, read> x: array<vec4f>;

fn x_at(at: u32) -> vec4f {
  return x[at];
}
