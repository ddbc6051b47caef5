// Numbers two at a time, where a row has no multiple of four.
alias Part = vec2f;
const PART: u32 = 2u;

// Two sums, for rounding: of the even numbers and of the odd ones.
fn added(sum: vec2f, part: Part) -> vec2f {
  return sum + part;
}
