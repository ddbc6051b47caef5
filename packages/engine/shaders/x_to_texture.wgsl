// Copies x into a texture for data/x_texture.wgsl, a texel a thread. Threads past its end write what nobody reads.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var texels: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = (group.y * groups.x + group.x) * 64u + lane;
  textureStore(texels, vec2u(at & 1023u, at >> 10u), x[at]);
}
