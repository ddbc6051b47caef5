// Four times four numbers, from this vec4f on, wherever x_at() of data/x_*.wgsl has them.
fn sixteen(at: u32) -> mat4x4f {
  return mat4x4f(x_at(at), x_at(at + 1u), x_at(at + 2u), x_at(at + 3u));
}
