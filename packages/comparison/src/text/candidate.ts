import { type GgufFile, openEngine } from '@llama-probe/engine';
import { type Clock, onClock } from '../clock.js';
import { parseInjections } from '../diagnosis/inject-option.js';
import { UsageError } from '../errors.js';
import { everyStage, knownByModel } from '../model.js';
import type { CandidateOptions, PrecisionChoice, WayChoice } from '../options.js';
import type { Progress } from '../progress.js';
import { refuseOfPrograms } from '../run-compare.js';
import { checkLlamaOptions, precisionOfDevice } from '../run-llama.js';
import { checkProgramOptions } from '../run-program.js';
import type { RunPlan, Side, SideAbout } from '../side.js';
import { llama } from '../sides/llama.js';
import { uploadOn } from '../sides/open.js';
import { program } from '../sides/program.js';
import { webgpuSide } from '../sides/webgpu.js';
import type { Window } from './windows.js';

/** Whoever is compared with llama.cpp on many tokens, one window after the other. */
export interface TextCandidate {
  /** A side that has run these tokens, or can: its logits only, or all of its stages. What is returned is closed by who asked for it. */
  on(window: Pick<Window, 'tokens' | 'dump'>, what: 'logits' | 'stages', progress: Progress): Promise<Side>;
  /** Known when it has run, of a program. */
  readonly about: SideAbout | undefined;
  /** How many tokens of a run of so many it takes at once. */
  ubatch?(capacity: number): number;
  /** Its prompt is computed in chunks as long as it is told. */
  readonly canChunk?: true;
  readonly precision: PrecisionChoice;
  /** Which stages are compared of it. */
  readonly stages: RunPlan['stages'];
  /** Its runs are over: of a window there is all of it or nothing. */
  readonly recorded?: true;
  close(): Promise<void>;
}

export type TextCandidateOptions = CandidateOptions & { ubatch?: number; exactBy?: WayChoice | undefined };

/** Whether llama.cpp is the candidate. */
export const isLlama = ({ candidate, llamaLib, device }: CandidateOptions): boolean =>
  candidate === 'llama' || llamaLib !== undefined || device !== undefined;

/** @throws UsageError for options of another candidate, before anything is opened */
export function checkCandidate(options: TextCandidateOptions): void {
  if (isLlama(options)) checkAnother(options);
  else if (options.engine !== undefined) checkProgramOptions(options.engine, options);
  else refuseOfPrograms(options);
}

/** @throws UsageError where it is not said which llama.cpp */
function checkAnother(options: CandidateOptions): void {
  checkLlamaOptions(options);
  if (options.llamaLib !== undefined || options.device !== undefined || options.inject !== undefined) return;
  throw new UsageError(
    '--candidate llama is another build or device of llama.cpp here; give the folder of its libraries with --llama-lib, --device, or both.',
  );
}

/** As `compare` chooses it. @param mode of the reference, which another llama.cpp is run in too */
export async function openCandidate(
  file: GgufFile,
  options: TextCandidateOptions,
  mode: 'exact' | 'native',
  progress: Progress,
  signal: AbortSignal,
  clock: Clock,
): Promise<TextCandidate> {
  const { engine: command, precision = 'auto' } = options;
  if (isLlama(options)) {
    const { llamaLib: libraries, device, exactBy, inject } = options;
    const side = await llama(file.path, { mode, exactBy, libraries, device, inject, signal, progress });
    const held = precisionOfDevice(options, side.about.model.quantization);
    return { ...living(onClock(side, 'engine', clock)), precision: held, stages: everyStage(file) };
  }
  if (command !== undefined) return programs(command, file, options, precision, signal, clock);
  const { adapter, stream } = options;
  const aroundUpload = uploadOn(clock);
  const engine = await openEngine({
    model: file.path,
    adapter,
    stream,
    onProgress: progress.say,
    signal,
    aroundUpload,
  });
  try {
    const side = onClock(
      webgpuSide(engine, parseInjections(options.inject, engine.config.blockCount)),
      'engine',
      clock,
    );
    return { ...living(side), precision: 'f32', stages: engine.graph.names };
  } catch (error) {
    engine.close();
    throw error;
  }
}

/** One that goes on running. */
function living(side: Side): Pick<TextCandidate, 'on' | 'about' | 'close' | 'ubatch' | 'canChunk'> {
  const stay = async () => {};
  return {
    about: side.about,
    on: async () => ({ ...side, close: stay, [Symbol.asyncDispose]: stay }),
    canChunk: true,
    ...(side.ubatch ? { ubatch: side.ubatch } : {}),
    close: () => side.close(),
  };
}

/** A program, started for each window. */
function programs(
  command: string,
  file: GgufFile,
  { map, engineTimeout: timeout }: TextCandidateOptions,
  precision: PrecisionChoice,
  signal: AbortSignal,
  clock: Clock,
): TextCandidate {
  let about: SideAbout | undefined;
  return {
    get about() {
      return about;
    },
    precision,
    stages: everyStage(file),
    async on({ tokens }, what, progress) {
      const stages = what === 'logits' ? ['result_output'] : undefined;
      const told = { model: file.path, tokens, steps: 0, stages, map, timeout, ...knownByModel(file) };
      const side = await clock.during('engine', () => program(command, { ...told, progress, signal }));
      about = side.about;
      return side;
    },
    close: async () => {},
  };
}
