@group(0) @binding(3) var<storage, read_write> cache: array<f32>; // (positions, heads · head_dim)

fn put(i: u32, value: f32) {
  cache[batch.first_position * heads * head_dim + i] = value;
}
