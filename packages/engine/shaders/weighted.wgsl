@group(0) @binding(3) var<storage, read> w: array<f32>; // (width)

fn weighted(column: u32, value: f32) -> f32 {
  return value * w[column];
}
