// The weights, rows of blocks (quant/block.wgsl), in a buffer, a row after the other.
@group(0) @binding(1) var<storage, read> weight: array<vec4u>;

// From a vec4u of a row to the next one.
const STRIDE: u32 = 1u;

fn weight_at(at: u32, further: u32) -> vec4u {
  return weight[at + further];
}
