export { LANGUAGES, type Language } from './check/names.js';
export { ReproError, type ReproErrorCode } from './errors.js';
export { type Repro, type ReproOptions, runRepro, type WrittenCase } from './repro.js';
export { reproText } from './text.js';
