import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the shaders are: plain .wgsl files. `LLAMA_PROBE_SHADERS` names another folder, to work on a kernel or to break one. */
export const SHADER_FOLDER = process.env.LLAMA_PROBE_SHADERS || fileURLToPath(new URL('../shaders/', import.meta.url));

/** The text of one shader file, such as `rope.wgsl` or `quant/q4_k.wgsl`. Read anew each time: `--watch` runs again when one has changed. */
export function shaderSource(file: string): string {
  return readFileSync(join(SHADER_FOLDER, file), 'utf8');
}
