export {
  f32,
  floats,
  type Gguf,
  type GgufParts,
  type GgufTensor,
  type GgufValue,
  i32,
  int32,
  int64,
  list,
  parseGguf,
  text,
  texts,
  u16,
  u32,
  u64,
  writeGguf,
} from './gguf.js';
export { randomFrom, type Seeded, seeded } from './seeded.js';
export { inShort, isLong } from './short.js';
export { type Split, splitGguf, splitNames } from './split.js';
export { collect, stream } from './streams.js';
export {
  TINY_ALIBI_HEADS,
  TINY_ARCHITECTURES,
  TINY_LATENT,
  TINY_SECTIONS,
  TINY_WINDOW,
  type TinyArchitecture,
  tinyArchitecture,
} from './tiny/architectures.js';
export { completeArchitecture } from './tiny/complete.js';
export { type LlamaSizes, llamaModel, llamaShapes, oracleOf, tinyLlama } from './tiny/llama.js';
export { tokenizer } from './tiny/tokenizer.js';
