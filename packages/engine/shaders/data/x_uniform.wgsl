// x, (tokens, columns), of at most 64 KiB: llvmpipe reads of a uniform buffer without looking at masks.
@group(0) @binding(2) var<uniform> x: array<vec4f, 4096>;

fn x_at(at: u32) -> vec4f {
  return x[at];
}
