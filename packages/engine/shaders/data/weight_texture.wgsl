// The weights, rows of blocks (quant/block.wgsl), in a texture of 1024 texels a line. Eight rows take turns, so that what the lanes of a vector read
// lies together. llvmpipe fetches texels for all of them at once; of a buffer it reads for one lane after the other, each time with the lane's mask and
// the buffer's end looked at. A storage texture has one level: of a sampled one, it looks up each lane's level and the sizes of that.
@group(0) @binding(1) var weight: texture_storage_2d<rgba32uint, read>;

// From a vec4u of a row to the next one.
const STRIDE: u32 = 8u;

fn weight_at(at: u32, further: u32) -> vec4u {
  let i = at + STRIDE * further;
  return textureLoad(weight, vec2u(i & 1023u, i >> 10u));
}
