export { ahead } from './ahead.js';
export { DigestWriter } from './arrow/digest-writer.js';
export { Dump, openDump } from './arrow/reader.js';
export { readTensorStream } from './arrow/stream.js';
export { isArrowStream, openStreamDump } from './arrow/stream-file.js';
export { DumpWriter, TensorStreamWriter } from './arrow/writer.js';
export { type DigestDescription, digestOf, type RowDigests, rowDigest } from './digest.js';
export { DumpError, type DumpErrorCode, writeError } from './errors.js';
export { GivenRows, GivenRowsError } from './given-rows.js';
export {
  type DumpMetadata,
  encodeMetadata,
  type FloorsDescription,
  FORMAT,
  MOST_LAYERS,
  type ModelDescription,
  type Producer,
} from './metadata.js';
export { openFile } from './open-file.js';
export { type Precision, rounded } from './precision.js';
export type { Excerpt, RecordedRun } from './run.js';
export * from './stage/index.js';
export { tee } from './tee.js';
export type { Tensor } from './tensor.js';
