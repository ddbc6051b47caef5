// x, (tokens, columns), in a texture of 1024 texels a line (x_to_texture.wgsl).
@group(0) @binding(2) var x: texture_storage_2d<rgba32float, read>;

fn x_at(at: u32) -> vec4f {
  return textureLoad(x, vec2u(at & 1023u, at >> 10u));
}
