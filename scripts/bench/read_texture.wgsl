// 1024 texels a line, as the engine's weights have them where they are in textures.
@group(0) @binding(0) var data: texture_storage_2d<rgba32float, read>;

fn data_at(i: u32) -> vec4f {
  return textureLoad(data, vec2u(i & 1023u, i >> 10u));
}
