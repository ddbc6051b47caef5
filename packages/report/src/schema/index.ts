export {
  BUGS,
  CAPTURE,
  CHECK,
  DOCTOR,
  FAILURE,
  IMPORT,
  INSPECTION,
  ITSELF,
  REPEAT,
  REPRO,
  SERVER,
  TEXT,
  TOKENIZE,
  WEIGHTS,
  WEIGHTS_COMPARISON,
} from './commands.js';
export { CHANGES, COMPARISON } from './comparison.js';
export { GATE } from './gate.js';
export { agreed } from './parts.js';
