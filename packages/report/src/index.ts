export { type BeforeAfter, beforeAndAfter, type ChangesDocument } from './changes/before-after.js';
export { type Culprit, culpritsOf, headlineOf, nameOf, placesOf, sureness } from './culprits.js';
export { GLOSSARY } from './glossary.js';
export { comparisonDocument } from './json.js';
export { EXPORTS, type Export, OUTPUTS, type OutputOptions, takesStdout } from './outputs.js';
export { changesPage } from './page/changes.js';
export type { Reporter, ReportFunction } from './reporter.js';
export { shown, tame, tameAll, tameReport } from './tame.js';
export { changesText } from './text/changes.js';
export { broken } from './text/checks.js';
export { color } from './text/color.js';
export { culpritsText } from './text/culprits.js';
export { faultsText } from './text/faults.js';
export { BORDERLESS } from './text/table.js';
export { type TextOptions, textReport } from './text/text.js';
export { headlineLine, verdictLine } from './text/verdict-line.js';
export { importDefault, stdoutIsStderr } from './user-module.js';
export {
  causeOfFirst,
  furthest,
  localInputs,
  MARKS,
  notSeen,
  ofLimitOf,
  relOf,
  seconds,
  times,
  timesSaid,
  tokensSaid,
  withoutCause,
} from './words.js';
export { checkWritable, placeOf, writeWhole } from './write-file.js';
export { checkOutputs, writeOutput, writeOutputs } from './write-outputs.js';
