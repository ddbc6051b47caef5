// x ← x + y first.
@group(0) @binding(1) var<storage, read_write> x: array<Part>; // (tokens, width)

fn value_at(i: u32) -> Part {
  let sum = x[i] + y[i];
  x[i] = sum;
  return sum;
}
