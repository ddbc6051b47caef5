@group(0) @binding(1) var<storage, read> x: array<Part>; // (tokens, width)

fn value_at(i: u32) -> Part {
  return x[i];
}
