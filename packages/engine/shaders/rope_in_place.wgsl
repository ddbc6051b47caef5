fn put(i: u32, value: f32) {
  x[i] = value;
}
