import { type Graph, llamaGraph } from '@llama-probe/dump';
import { type GgufFile, openGguf } from '@llama-probe/engine';
import { openReference, type Reference } from '@llama-probe/reference';
import { parseInjections } from '../diagnosis/inject-option.js';
import { floorOf } from '../floors/choose.js';
import type { KeptTwin } from '../floors/kept-twin.js';
import { hyperparametersOf, referenceMetadata } from '../metadata.js';
import { type ChosenMode, chooseMode, layersOf } from '../model.js';
import { describeGraph, graphToUse, isDense, readUnlessLlama } from '../model-graph.js';
import type { ModeChoice, WayChoice } from '../options.js';
import type { Opening, RunPlan, Side } from '../side.js';
import { orClose, wayOf } from './open.js';
import { textTools } from './text-tools.js';
import { withBugs } from './with-bugs.js';

/** How llama.cpp is opened. */
export interface LlamaOptions extends Opening {
  /** On the file as it is, on its weights as F32, or that where it fits in memory (`auto`, the default). */
  readonly mode?: ModeChoice;
  /** How the exact weights are evaluated: the whole model, block by block, or as is best for it (`auto`, the default). */
  readonly exactBy?: WayChoice | undefined;
  /** One of llama.cpp's CPU builds, such as `haswell`; without it the best that this machine runs. */
  readonly cpuVariant?: string | undefined;
  /** A folder with the libraries of a build of yours, of the release that is known. */
  readonly libraries?: string | undefined;
  /** What computes instead of the CPU, by ggml's name. @example 'Vulkan0' */
  readonly device?: string | undefined;
  /** Known bugs to put into its runs, such as `rope-halves@2`; it is then evaluated as a whole. */
  readonly inject?: string | undefined;
}

/**
 * llama.cpp on a GGUF file.
 *
 * @throws ModelError, UnsupportedLibraryError, …
 * @example await using reference = await llama('model.gguf');
 */
export async function llama(model: string, options: LlamaOptions = {}): Promise<Side & { readonly file: GgufFile }> {
  const { mode = 'auto', cpuVariant, libraries, device, inject, signal, progress } = options;
  // Weights are exchanged in the CPU's memory only, and a block does not wait for rows.
  const exactBy = device === undefined && inject === undefined ? wayOf(options.exactBy) : 'whole';
  const file = await openGguf(model);
  const injections = parseInjections(inject, layersOf(file));
  const chosen = await chooseMode(mode, file, exactBy);
  const onProgress = progress?.say;
  const reference = await openReference({
    model: file.path,
    mode: chosen.mode,
    exactBy,
    cpuVariant,
    libraries,
    device,
    signal,
    onProgress,
  });
  const side = llamaSide(reference, file, chosen, await orClose(reference, readUnlessLlama(reference, file)));
  const name = device === undefined ? libraries && `llama.cpp of ${libraries}` : `llama.cpp on ${device}`;
  const named =
    name === undefined
      ? side
      : { ...side, about: { ...side.about, name, adapter: libraries ?? 'the libraries of llama-probe' } };
  return withBugs(named, injections);
}

/**
 * The same of what is open.
 *
 * @param graph what the model's stages are computed from, where it was read
 * @param twin what its floors are measured by, where it is kept for several
 */
export function llamaSide(
  reference: Reference,
  file: GgufFile,
  { mode, why }: ChosenMode,
  graph?: Graph,
  twin?: KeptTwin,
): Side & { readonly file: GgufFile } {
  const { name, version, cpuVariant, device, model } = reference.info;
  const heads = { heads: model.headCount, headsKv: model.headCountKv };
  const dense = isDense(file) ? llamaGraph({ layers: model.layers, ...heads }, true) : undefined;
  const described = describeGraph(graph);
  return {
    about: {
      name,
      version,
      backend: device ?? `CPU, ${cpuVariant}`,
      mode,
      why,
      cpuVariant,
      model: {
        file: file.path,
        arch: model.architecture,
        quantization: model.quantization,
        layers: model.layers,
        bytes: file.bytes,
        hyperparameters: hyperparametersOf(file),
      },
      heads,
      graph: dense ?? (graph && graphToUse(graph, heads)),
    },
    text: textTools(reference, file),
    canStartFrom: true,
    canRound: true,
    run: ({ signal: _, ...run }) => reference.run(run),
    operations: (run) => reference.operations(run),
    floor: (run: RunPlan, signal) => floorOf(reference, file, withoutSignal(run), signal, twin),
    describe: async (about) => ({
      ...(await referenceMetadata(reference, file, mode, about)),
      ...(described ? { graph: described } : {}),
    }),
    file,
    close: () => reference.close(),
    [Symbol.asyncDispose]: () => reference.close(),
  };
}

const withoutSignal = ({ signal: _, from: __, ...run }: RunPlan) => run;
