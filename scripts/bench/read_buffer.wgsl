@group(0) @binding(0) var<storage, read> data: array<vec4f>;

fn data_at(i: u32) -> vec4f {
  return data[i];
}
