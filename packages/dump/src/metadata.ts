import { DIGEST_BYTES, type DigestDescription } from './digest.js';
import { DumpError } from './errors.js';
import { type GraphDescription, isGraphDescription } from './stage/graph-codec.js';

/** Who wrote the dump. */
export interface Producer {
  name: string;
  version: string;
  backend?: string;
  adapter?: string;
}

/** Which model was run. */
export interface ModelDescription {
  file: string;
  bytes?: number;
  hash?: string;
  architecture?: string;
  quantization?: string;
  layers?: number;
  /** The file's hyperparameters that are one value, under GGUF's names without the architecture. @example { 'attention.causal': false } */
  hyperparameters?: Record<string, string | number | boolean>;
}

/** How far the reference is from itself, and what follows from that. */
export interface FloorsDescription {
  /** What was compared with what. */
  method: string;
  /** A delta may be this many times its floor, … */
  margin: number;
  /** … and this much anyway. */
  minimum: number;
  /** step/layer/stage, with - for no layer → the floors of the stage, of its worst row and of its worst value. */
  stages: Record<string, [number, number, number]>;
}

/** The schema metadata of a dump. Only `tokens` is required of a foreign writer (besides the format number). */
export interface DumpMetadata {
  producer: Producer;
  model?: ModelDescription;
  /** Prompt, then decoded. */
  tokens: number[];
  prompt?: string;
  /** Stage → shape of one row, such as [8, 32]; -1 stands for n_kv, which grows. */
  shapes?: Record<string, number[]>;
  config?: Record<string, unknown>;
  /** Stage → the line of code that computes it. @example { q_rope: 'src/attention.rs:212' } */
  sources?: Record<string, string>;
  /** Of a run of llama.cpp: what each stage of the model is computed from, by its own graph. */
  graph?: GraphDescription;
  /** Of a reference: what its measured floors are. */
  floors?: FloorsDescription;
  /** Of a file that has a hash of each row in place of its values: which. */
  digest?: DigestDescription;
}

/** More than any model has: llama.cpp v0.5.0 runs 512 (LLAMA_MAX_LAYERS). A graph is made of them, so that a number from a file is not taken at its word. */
export const MOST_LAYERS = 4096;

export const FORMAT = '1';
const PREFIX = 'llama_probe.';

/** As Arrow schema metadata: strings, JSON where a value has structure. */
export function encodeMetadata(metadata: DumpMetadata): Map<string, string> {
  const map = new Map([[`${PREFIX}format`, FORMAT]]);
  for (const [key, value] of Object.entries(metadata)) {
    if (value !== undefined) {
      map.set(PREFIX + key, typeof value === 'string' ? value : JSON.stringify(value));
    }
  }
  return map;
}

/**
 * Reads and checks schema metadata.
 *
 * @param bare what a file is taken to say that has none of ours
 * @throws DumpError `dump-format` where the format or the tokens are missing
 */
export function decodeMetadata(map: ReadonlyMap<string, string>, path: string, bare?: DumpMetadata): DumpMetadata {
  const format = map.get(`${PREFIX}format`);
  if (bare && ![...map.keys()].some((key) => key.startsWith(PREFIX))) return bare;
  if (format !== FORMAT) {
    throw new DumpError(
      'dump-format',
      `${path}: the schema metadata has ${PREFIX}format = ${format ?? 'nothing'}, and this version reads ${FORMAT}. docs/dump-format.md says what a writer must put there.`,
    );
  }
  const tokens = parse(map, 'tokens', path);
  if (!Array.isArray(tokens) || !tokens.every((id) => Number.isInteger(id))) {
    throw new DumpError(
      'dump-format',
      `${path}: ${PREFIX}tokens must be a JSON array of token ids, prompt then decoded, such as "[1, 15043]"; found ${map.get(`${PREFIX}tokens`)?.slice(0, 60) ?? 'nothing'}.`,
    );
  }
  const metadata: DumpMetadata = { producer: { name: 'unknown', version: '' }, tokens: tokens as number[] };
  const prompt = map.get(`${PREFIX}prompt`);
  if (prompt !== undefined) metadata.prompt = prompt;
  for (const [key, { is, wanted }] of Object.entries(STRUCTURED)) {
    const value = parse(map, key, path);
    if (value === undefined) continue;
    if (!is(value)) {
      const found = JSON.stringify(value).slice(0, 80);
      throw new DumpError('dump-format', `${path}: ${PREFIX}${key} must be ${wanted}; found ${found}.`);
    }
    Object.assign(metadata, { [key]: key === 'producer' ? { ...metadata.producer, ...value } : value });
  }
  const floors = parse(map, 'floors', path);
  if (floors !== undefined) metadata.floors = checkFloors(floors, path);
  return metadata;
}

type Is = (value: unknown) => boolean;
const isText: Is = (value) => typeof value === 'string';
const isCount: Is = (value) => Number.isInteger(value) && (value as number) >= 0;
const isDepth: Is = (value) => isCount(value) && (value as number) <= MOST_LAYERS; // each layer is a piece of a graph
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** An object whose values, where it has them, are of their kind. Anything else in it is the writer's own. */
const has =
  (kinds: Readonly<Record<string, Is>>) =>
  (value: unknown): value is object =>
    isObject(value) &&
    Object.entries(kinds).every(([name, is]) => {
      const one = (value as Record<string, unknown>)[name];
      return one === undefined || is(one);
    });
const each =
  (is: Is) =>
  (value: unknown): value is object =>
    isObject(value) && Object.values(value).every(is);
const isPlain: Is = (value) => value === null || ['string', 'number', 'boolean'].includes(typeof value); // null: no finite number
const isShape: Is = (value) => Array.isArray(value) && value.every((size) => Number.isInteger(size));

const isDigest = ({ hash, bytes, heads }: Partial<Record<keyof DigestDescription, unknown>>): boolean =>
  hash === 'sha256' && bytes === DIGEST_BYTES && (heads === undefined || isCount(heads));

/** What has structure: how it must be, and how that is said. */
const STRUCTURED: Readonly<Record<string, { is: (value: unknown) => value is object; wanted: string }>> = {
  producer: {
    is: has({ name: isText, version: isText, backend: isText, adapter: isText }),
    wanted: '{"name", "version", "backend", "adapter"}, each a text',
  },
  model: {
    is: has({
      file: isText,
      bytes: isCount,
      hash: isText,
      architecture: isText,
      quantization: isText,
      layers: isDepth,
      hyperparameters: each(isPlain),
    }),
    wanted: `{"file", "bytes", "hash", "architecture", "quantization", "layers", "hyperparameters"}, bytes and layers (at most ${MOST_LAYERS}) whole numbers`,
  },
  shapes: { is: each(isShape), wanted: '{"q_proj": [8, 32], …}: stage → whole numbers' },
  config: { is: isObject, wanted: 'an object' },
  digest: {
    is: (value): value is DigestDescription => isObject(value) && isDigest(value),
    wanted: `{"hash": "sha256", "bytes": ${DIGEST_BYTES}}, and "heads", a whole number, if it is known: no other hash can be held to ours`,
  },
  sources: { is: each(isText), wanted: '{"q_rope": "src/attention.rs:212", …}: stage → file and line' },
  graph: {
    is: (value): value is GraphDescription => isGraphDescription(value, MOST_LAYERS),
    wanted: `{"before", "after", "kinds", "layers"}: stages with "stage", "op" and "inputs", and the kind of each layer (at most ${MOST_LAYERS})`,
  },
};

const isAmount = (value: unknown): boolean => typeof value === 'number' && value >= 0;

/** A floor that is no number would make a limit that nothing can exceed. */
function checkFloors(value: unknown, path: string): FloorsDescription {
  const { margin, minimum, stages } = (value ?? {}) as Partial<FloorsDescription>;
  const broken = Object.entries(stages ?? {}).find(
    ([, floor]) => !Array.isArray(floor) || floor.length !== 3 || !floor.every(isAmount),
  );
  if (!isAmount(margin) || !isAmount(minimum) || !stages || broken) {
    throw new DumpError(
      'dump-format',
      `${path}: ${PREFIX}floors must be {"method", "margin", "minimum", "stages": {"0/3/q_proj": [stage, row, value]}} with numbers of 0 or more; found ${JSON.stringify(broken ?? value)?.slice(0, 80)}. Capture the reference again.`,
    );
  }
  return value as FloorsDescription;
}

function parse(map: ReadonlyMap<string, string>, key: string, path: string): unknown {
  const text = map.get(PREFIX + key);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new DumpError('dump-format', `${path}: ${PREFIX}${key} is not JSON: ${text.slice(0, 60)}`);
  }
}
