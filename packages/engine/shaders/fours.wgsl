// Numbers four at a time: a CPU adapter reads a buffer for one thread after the other.
alias Part = vec4f;
const PART: u32 = 4u;

// Two sums, for rounding: of the even numbers and of the odd ones.
fn added(sum: vec2f, part: Part) -> vec2f {
  return sum + part.xy + part.zw;
}
