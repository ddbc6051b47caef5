// Numbers one at a time, where a row has an odd number of them.
alias Part = f32;
const PART: u32 = 1u;

// Two sums, for rounding, of which one does here.
fn added(sum: vec2f, part: Part) -> vec2f {
  return vec2f(sum.x + part, 0.0);
}
