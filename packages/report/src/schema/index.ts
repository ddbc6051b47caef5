export { CAPTURE, CHECK, DOCTOR, FAILURE, FAULTS, INSPECTION } from './commands.js';
export { COMPARISON } from './comparison.js';
export { GATE } from './gate.js';
export { agreed } from './parts.js';
