// And v with it, whose rows are as wide.
@group(0) @binding(3) var<storage, read_write> cache: array<f32>;   // (positions, heads · head_dim)
@group(0) @binding(4) var<storage, read> v: array<f32>;             // (tokens, heads · head_dim)
@group(0) @binding(5) var<storage, read_write> v_cache: array<f32>; // (positions, heads · head_dim)

fn put(i: u32, value: f32) {
  let at = batch.first_position * heads * head_dim + i;
  cache[at] = value;
  v_cache[at] = v[i];
}
