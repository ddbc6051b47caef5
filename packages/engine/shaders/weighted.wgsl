@group(0) @binding(3) var<storage, read> w: array<Part>; // (width)

fn weighted(i: u32, value: Part) -> Part {
  return value * w[i];
}
