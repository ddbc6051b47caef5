@group(0) @binding(5) var<storage, read> bias: array<f32>; // (rows); 4 may be a codebook

fn biased(row: u32, sum: f32) -> f32 {
  return sum + bias[row];
}
