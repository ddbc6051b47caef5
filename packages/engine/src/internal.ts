// For this repository's benchmarks and tests. Nothing here is kept stable.
export {
  type AdapterInfo,
  type AdapterKind,
  NoAdapterError,
  type OpenedAdapter,
  openAdapter,
  type Tried,
} from './adapter/index.js';
export { unpackSwiftShader } from './adapter/swiftshader.js';
export { openGguf } from './gguf.js';
export { Commands, KernelCache } from './kernels.js';
export { merged } from './merged.js';
export { forward } from './models/llama.js';
export { createOperations, type Operations } from './operations.js';
export { packedRowBytes, packRows } from './pack.js';
export { patiently } from './patient.js';
export { type Adapter, candidatesOf, TOKEN_CLASSES, type TokenClass } from './products/blocks.js';
export { choosing } from './products/choose.js';
export { type Block, blockKernel } from './products/kernel.js';
export { type Blocks, chooseBlocks } from './products/measure.js';
export { createMulMat, type MulMat, WEIGHT_TYPES, type Weight, type WeightType } from './products/mul-mat.js';
export { fastest } from './products/trial.js';
export { UNIFORM_BYTES } from './products/x-data.js';
export { llamaConfig } from './read-config.js';
export { SHADER_FOLDER, shaderSource } from './shader-source.js';
export { createState } from './state.js';
export { llamaTensors } from './tensors.js';
export {
  createData,
  mostRows,
  prefersTextures,
  resourceOf,
  TEXELS,
  takingTurns,
  type WeightData,
  writeData,
  writtenBytes,
} from './weight-data.js';
export { uploadModel } from './weights.js';
