// The numbers of a head, four at a time.
alias Part = vec4f;
const PART: u32 = 4u;

// Two sums, for rounding: of the even numbers and of the odd ones.
fn added(sum: vec2f, part: Part) -> vec2f {
  return sum + part.xy + part.zw;
}
