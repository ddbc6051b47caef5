import { type Engine, type EngineOptions, type GgufFile, openEngine, openGguf } from '@llama-probe/engine';
import { type ExactBy, importancesOfText, openReference, quantizeModel, type Reference } from '@llama-probe/reference';
import type { Clock } from '../clock.js';
import { UsageError } from '../errors.js';
import { BUNDLED_MODEL, type ChosenMode, chooseMode } from '../model.js';
import type { AdapterChoice, ModeChoice, ModelOptions, WayChoice } from '../options.js';
import type { Progress } from '../progress.js';

/** The model to run: the one given or the bundled one, requantised where that was asked for. Its file is sound. */
export async function chooseModel(options: ModelOptions, progress: Progress, signal: AbortSignal): Promise<GgufFile> {
  const file = await openGguf(options.model ?? BUNDLED_MODEL);
  const { quantize: type, imatrix } = options;
  if (!type) {
    if (imatrix !== undefined)
      throw new UsageError('--imatrix is for --quantize: name the type that is to be made with it, such as IQ2_XS.');
    return file;
  }
  const onProgress = progress.say;
  const isText = imatrix !== undefined && /\.(txt|md)$/i.test(imatrix);
  const matrix = isText ? await importancesOfText({ model: file.path, text: imatrix, signal, onProgress }) : imatrix;
  progress.say(`making ${type} of ${file.path} with llama.cpp`);
  const path = await quantizeModel({ model: file.path, type, imatrix: matrix, signal, onProgress });
  return openGguf(path);
}

/** How llama.cpp is to be evaluated. */
export interface LlamaAsk {
  readonly reference: ModeChoice;
  readonly exactBy?: WayChoice | undefined;
}

/** How the engine is opened. */
export interface EngineAsk {
  readonly adapter: AdapterChoice;
  readonly stream?: boolean | undefined;
}

export const wayOf = (asked: WayChoice | undefined): ExactBy | undefined => (asked === 'auto' ? undefined : asked);

/** llama.cpp, in the mode asked for or the one that fits. */
export async function openLlama(
  file: GgufFile,
  { reference: asked, exactBy }: LlamaAsk,
  progress: Progress,
  signal: AbortSignal,
  sparedCores = 0,
): Promise<{ reference: Reference; chosen: ChosenMode }> {
  const chosen = await chooseMode(asked, file, wayOf(exactBy));
  const reference = await openReference({
    model: file.path,
    mode: chosen.mode,
    exactBy: chosen.exactBy,
    sparedCores,
    signal,
    onProgress: progress.say,
  });
  return { reference, chosen };
}

/** What is open is closed where something fails before there is a side to close. */
export async function orClose<T>(reference: Reference, waiting: Promise<T>): Promise<T> {
  try {
    return await waiting;
  } catch (error) {
    await reference.close();
    throw error;
  }
}

/**
 * Both sides at once: llama.cpp loads, and computes, in its process while the weights travel to the GPU, which the engine's first run waits for. If one fails,
 * the other is closed.
 */
export async function openBoth(
  file: GgufFile,
  options: LlamaAsk & EngineAsk,
  progress: Progress,
  signal: AbortSignal,
  clock?: Clock,
): Promise<{ engine: Engine; reference: Reference; chosen: ChosenMode }> {
  // When one side fails, the other need not go on opening.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const orStop = async <T>(opening: Promise<T>): Promise<T> => {
    try {
      return await opening;
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const { adapter, stream } = options;
  const onProgress = progress.say;
  const aroundUpload = uploadOn(clock);
  const opening = [
    orStop(openEngine({ model: file.path, adapter, stream, onProgress, signal: either, aroundUpload, beside: true })),
    orStop(openLlama(file, options, progress, either, 1)), // the engine computes beside it
  ] as const;
  const [engine, llama] = await Promise.allSettled(opening);
  if (engine.status === 'fulfilled' && llama.status === 'fulfilled') return { engine: engine.value, ...llama.value };
  if (engine.status === 'fulfilled') engine.value.close();
  if (llama.status === 'fulfilled') await llama.value.reference.close();
  throw either.reason;
}

/** That the engine uploads weights is of a part of its own. */
export const uploadOn = (clock: Clock | undefined): EngineOptions['aroundUpload'] =>
  clock && ((upload) => clock.during('upload', upload));

/** Both sides of a model, opened, and how to let go of them. */
export interface OpenedSides {
  readonly file: GgufFile;
  readonly engine: Engine;
  readonly reference: Reference;
  readonly chosen: ChosenMode;
  close(): Promise<void>;
}

export interface SidesOptions extends ModelOptions, LlamaAsk, EngineAsk {}

export type OpenSides = (
  options: SidesOptions,
  progress: Progress,
  signal: AbortSignal,
  clock?: Clock,
) => Promise<OpenedSides>;

/** The model that was asked for, on both sides. */
export const openSides: OpenSides = async (options, progress, signal, clock) => {
  const file = await chooseModel(options, progress, signal);
  const { engine, reference, chosen } = await openBoth(file, options, progress, signal, clock);
  const close = async () => {
    engine.close();
    await reference.close();
  };
  return { file, engine, reference, chosen, close };
};
