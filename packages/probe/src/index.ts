// What a program of yours can use. docs/library.md has it with examples; test/library.test.ts pins the names.

export {
  type CompareAsk,
  type ComparisonDocument,
  compare,
  dump,
  type Failure,
  type Generated,
  InterruptedError,
  type Itself,
  type LlamaOptions,
  type Look,
  llama,
  type NamedFault,
  type Opening,
  type Outcome,
  type Pass,
  ProgramError,
  type ProgramErrorCode,
  type ProgramOptions,
  program,
  type Repeated,
  type Report,
  type RunPlan,
  ServerError,
  type ServerErrorCode,
  type ServerReport,
  type Side,
  type SideAbout,
  type SideRun,
  type TextReport,
  type TextTools,
  type Tokenized,
  UsageError,
  type Watcher,
  type WebgpuOptions,
  webgpu,
} from '@llama-probe/comparison';
export type { Cause, Fault, First, LimitRule, StageResult, Verdict, Where } from '@llama-probe/diff';
export {
  DumpError,
  type DumpErrorCode,
  type DumpMetadata,
  type Graph,
  type Heads,
  type Place,
  type StageId,
  type Tensor,
} from '@llama-probe/dump';
export { type GgufFile, ModelError, type ModelErrorCode, RunError, type RunErrorCode } from '@llama-probe/engine';
export { defineConfig, type GateConfig, type GateResult } from '@llama-probe/gate';
export type { Diagnosis } from '@llama-probe/oracle';
export {
  CrashError,
  LlamaCppError,
  ModelError as LlamaModelError,
  PromptError,
  QuantizeError,
  UnsupportedLibraryError,
} from '@llama-probe/reference';
export { type Reporter, type ReportFunction, type TextOptions, textReport } from '@llama-probe/report';
export { runCli } from './cli.js';
export {
  type ItselfAsk,
  type RepeatAsk,
  runItself,
  runRepeat,
  runServer,
  runText,
  runTokenize,
  type ServerAsk,
  type TextAsk,
  type TokenizeAsk,
} from './questions.js';
