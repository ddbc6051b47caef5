export { DumpError, type DumpErrorCode } from './errors.js';
export { GivenRows, GivenRowsError } from './given-rows.js';
export { type DumpMetadata, type FloorsDescription, FORMAT, type ModelDescription, type Producer } from './metadata.js';
export { Dump, openDump } from './reader.js';
export { cachedInputOf, inputsOf, type Place, STAGE_NAMES, STAGES, type Stage, type StageName } from './stages.js';
export { readTensorStream } from './stream.js';
export { tee } from './tee.js';
export { stageKey, type Tensor } from './tensor.js';
export { DumpWriter, TensorStreamWriter } from './writer.js';
