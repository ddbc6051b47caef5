export * from './ask.js';
export type { CompareAsk, Look } from './asked.js';
export type { Blamed, BlamedOf, CaseAbout } from './blame/blamed.js';
export { type Captured, type CaptureOptions, runCapture } from './capture.js';
export { together } from './checks.js';
export { compare } from './compare.js';
export type { Decode } from './decode.js';
export { caseModel, graphCaseModel } from './diagnosis/case-model.js';
export type { SickCase } from './diagnosis/collect.js';
export { type GraphTrials, graphTrials } from './diagnosis/graph-trials.js';
export { bugsNamed } from './diagnosis/inject-option.js';
export { runMatrix } from './diagnosis/matrix.js';
export { type Reproduced, reproduce } from './diagnosis/reproduce.js';
export type { Trial } from './diagnosis/trial.js';
export { checkFirstAttention } from './first-attention.js';
export { describeFloors, type Judged, judgedRun } from './floors/judged.js';
export { RULES } from './floors/rules.js';
export type { Differing, FirstDiffering, Itself, WayReport } from './itself/report.js';
export { howFar } from './itself/report.js';
export { hyperparametersOf } from './metadata.js';
export { BUNDLED_MODEL, gib } from './model.js';
export { graphToUse, isDense } from './model-graph.js';
export { ownModel } from './own-model.js';
export { ProgramError, type ProgramErrorCode } from './program/errors.js';
export { tokenize } from './prompt.js';
export { type Proof, prove } from './prove.js';
export type { Changing } from './repeat/changes.js';
export { howItChanges, type OtherToken, type Repeated } from './repeat/report.js';
export { type Checks, emptyReport, type Generated, graphOfModel, type NamedFault, type Report } from './report.js';
export { type AloneOptions, runAlone } from './run-alone.js';
export { runCompare } from './run-compare.js';
export { runDiff } from './run-diff.js';
export { type ItselfOptions, runItself } from './run-itself.js';
export { runProgram } from './run-program.js';
export { type RepeatOptions, runRepeat } from './run-repeat.js';
export { runServer } from './run-server.js';
export { runText } from './run-text.js';
export { runTokenize, type Token, type Tokenized, type TokenizeOptions } from './run-tokenize.js';
export { parseLayers, parseStages } from './selection.js';
export { ServerError, type ServerErrorCode } from './server/errors.js';
export type { ServerCause, ServerPosition, ServerReport } from './server/report.js';
export {
  allTokens,
  type Opening,
  type RunPlan,
  type Side,
  type SideAbout,
  type SideRun,
  type TextTools,
} from './side.js';
export { dump, dumpSide } from './sides/dump.js';
export { type LlamaOptions, llama, llamaSide } from './sides/llama.js';
export { chooseModel, type OpenedSides, type OpenSides, openBoth, openLlama, openSides } from './sides/open.js';
export { type ProgramOptions, program } from './sides/program.js';
export { type WebgpuOptions, webgpu, webgpuSide } from './sides/webgpu.js';
export { stageFound, type TextReport, type WorstPosition, windowName } from './text/report.js';
export type { Changes, Measured, StageChange } from './watch/change.js';
export { changesBetween } from './watch/changes.js';
export { type WatchEvent, watchLoop } from './watch/loop.js';
export { type About, type Pass, Recorder, type Watcher } from './watcher.js';
