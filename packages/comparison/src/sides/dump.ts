import {
  decodeGraph,
  llamaGraph,
  MOST_LAYERS,
  presentKeys,
  presentNames,
  type RecordedRun,
  STAGE_NAMES,
  type Tensor,
} from '@llama-probe/dump';
import { type OpenOptions, openRun } from '@llama-probe/import';
import { decodeFloors } from '../floors/codec.js';
import { unmeasured } from '../floors/rules.js';
import type { FloorSource } from '../floors/source.js';
import { graphToUse } from '../model-graph.js';
import type { Side } from '../side.js';

/**
 * A finished run in a file or a folder, in any format that is read (docs/formats.md).
 *
 * @param options.tokens what was run, where the file does not say it
 * @throws DumpError for one that is none
 * @example await using mine = await dump('mine.arrow');
 */
export async function dump(path: string, options: OpenOptions = {}): Promise<Side> {
  return dumpSide(await openRun(path, options));
}

/** The same of an open file. */
export function dumpSide(given: RecordedRun): Side {
  const file = isOlder(given) ? underPresentNames(given) : given;
  const { path, metadata } = file;
  const { producer, model, shapes, config, tokens, sources, graph } = metadata;
  const heads = { heads: shapes?.kq?.[0], headsKv: shapes?.k_proj?.[0] };
  const layers = model?.layers;
  const assumed = layers === undefined ? undefined : llamaGraph({ layers, ...heads });
  const mode = config?.reference;
  return {
    about: {
      ...producer,
      sources,
      adapter: producer.adapter ?? path,
      mode: mode === undefined ? 'unknown' : String(mode),
      model: {
        file: model?.file ?? path,
        arch: model?.architecture,
        quantization: model?.quantization,
        layers,
        bytes: model?.bytes,
        hyperparameters: model?.hyperparameters,
      },
      heads,
      graph: graph ? graphToUse(decodeGraph(graph, heads), heads) : assumed,
      expects: expected(config),
      notes: file.notes,
    },
    recorded: { tokens, promptLength: () => promptLength(file) },
    run: ({ signal }) => ({ tensors: stoppable(file.tensors(), signal), result: Promise.resolve({ generated: [] }) }),
    floor: async () => floorOf(file),
    describe: async () => metadata,
    close: () => file.close(),
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Whether it is a run of llama.cpp, captured before dumps had their graph: and before norms had names. */
const isOlder = ({ metadata: { producer, graph }, excerpt }: RecordedRun): boolean =>
  producer.name === 'llama.cpp' && !graph && !excerpt;

function underPresentNames(file: RecordedRun): RecordedRun {
  const { floors } = file.metadata;
  const keys = floors && presentKeys(Object.keys(floors.stages));
  const stages = floors && Object.fromEntries(Object.values(floors.stages).map((floor, i) => [keys?.[i], floor]));
  return {
    path: file.path,
    bytes: file.bytes,
    get notes() {
      return file.notes;
    },
    metadata: { ...file.metadata, ...(floors && stages ? { floors: { ...floors, stages } } : {}) },
    tensors: () => presentNames(file.tensors()),
    close: () => file.close(),
  };
}

/** By its measured floors, or by the constants of the mode that it was run in. */
function floorOf({ metadata: { floors, config } }: RecordedRun): FloorSource {
  if (floors) {
    const { margin, minimum, method, stages } = floors;
    return { kind: 'known', floors: decodeFloors(stages), rule: { margin, minimum }, method };
  }
  const rule = unmeasured(config?.reference === 'native' ? 'native' : 'exact');
  return { kind: 'none', why: 'the reference has none (probe capture --from llama measures them)', rule };
}

/** What a run of ours was asked for; of any other nobody knows. */
function expected(config: Record<string, unknown> | undefined): Side['about']['expects'] {
  const { stages, layers, steps } = config ?? {};
  const names =
    stages === 'vocabulary'
      ? STAGE_NAMES
      : typeof stages === 'string' && stages !== 'all'
        ? stages.split(',')
        : undefined;
  const parts = typeof layers === 'string' && layers !== 'all' ? layers.split(',') : undefined;
  return {
    stages: names,
    layers: parts?.flatMap((part) => {
      const [from = 0, to = from] = part.split('-').map(Number);
      return Array.from({ length: Math.max(0, Math.min(to, MOST_LAYERS) - from + 1) || 0 }, (_, i) => from + i);
    }),
    steps: typeof steps === 'number' ? steps : undefined,
  };
}

/** How many of its tokens are the prompt: those that step 0 ran. */
export async function promptLength(file: RecordedRun): Promise<number> {
  const all = file.metadata.tokens.length;
  let length = 0;
  for await (const { step, positions } of file.digests?.() ?? file.tensors()) {
    if (step > 0 && length > 0) break;
    if (step === 0) length = Math.max(length, 1 + (positions.at(-1) ?? -1));
    if (length >= all && all > 0) break; // it has no others, and the file need not be read to its end
  }
  return length || all;
}

async function* stoppable(tensors: AsyncIterable<Tensor>, signal: AbortSignal | undefined): AsyncGenerator<Tensor> {
  for await (const tensor of tensors) {
    signal?.throwIfAborted();
    yield tensor;
  }
}
