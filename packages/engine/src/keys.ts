import { ModelError } from './errors.js';
import type { GgufFile } from './gguf.js';

/** Keys of an architecture that say nothing about what is computed, or only about how the file was made. */
const SAYS_NOTHING = new Set(['vocab_size', 'tensor_data_layout', 'attention.layer_norm_epsilon', 'pooling_type']);

/** The hyperparameters of a file's architecture: each is checked as it is read, and what nobody has read is known. */
export class Keys {
  readonly architecture: string;
  private readonly known = new Set<string>();

  constructor(readonly file: Pick<GgufFile, 'path' | 'metadata'>) {
    this.architecture = String(file.metadata['general.architecture']);
  }

  /** As the file has it. */
  raw(key: string): unknown {
    this.known.add(key);
    return this.file.metadata[`${this.architecture}.${key}`];
  }

  /** @throws ModelError naming the key, what was found and what was wanted */
  read<T>(key: string, wanted: string, check: (value: unknown) => value is T, fallback?: unknown): T {
    const value = this.raw(key) ?? fallback;
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (check(number)) return number;
    const found = value === undefined ? 'is missing' : `is ${show(value)}`;
    throw new ModelError(
      'model-metadata',
      `${this.file.path}: ${this.architecture}.${key} ${found}; wanted ${wanted}. Convert the model again.`,
    );
  }

  count = (key: string, fallback?: number): number => this.read(key, 'a positive integer', isCount, fallback);
  positive = (key: string, fallback?: number): number => this.read(key, 'a positive number', isPositive, fallback);
  /** 0 is llama.cpp's "none". */
  factor = (key: string, fallback?: unknown): number =>
    this.read(key, 'a number of at least 0', isFactor, fallback ?? 0);

  /** llama.cpp takes one number or one for each layer (get_key_or_arr); all layers are computed alike, here and there. */
  perLayer(key: string, layers: number, fallback?: number): number {
    const list = this.raw(key);
    if (!Array.isArray(list) || list.length !== layers) return this.count(key, fallback);
    if (isCount(list[0]) && list.every((one) => one === list[0])) return list[0];
    const { path } = this.file;
    throw new ModelError(
      'model-metadata',
      `${path}: ${this.architecture}.${key} is ${show(list)}: layers that differ, which neither the engine nor llama.cpp runs under this architecture. ` +
        'Convert the model again with a current llama.cpp, under the architecture that has such layers (such as deci).',
    );
  }

  /** What the file says of its architecture that nobody has asked for, unless it says "none": it may change what is right. */
  unread(): string[] {
    const prefix = `${this.architecture}.`;
    return Object.entries(this.file.metadata).flatMap(([name, value]) => {
      const key = name.slice(prefix.length);
      if (!name.startsWith(prefix) || this.known.has(key) || SAYS_NOTHING.has(key) || isNothing(value)) return [];
      return [`${name} (${show(value)})`];
    });
  }
}

/** How llama.cpp writes down that a hyperparameter is not used. */
const isNothing = (value: unknown): boolean =>
  Array.isArray(value) ? value.every(isNothing) : !value || Number(value) <= 0 || Number.isNaN(value);

export const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31;
export const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0;

const isFactor = (value: unknown): value is number => value === 0 || isPositive(value);

export function show(value: unknown): string {
  if (value === undefined) return 'missing';
  const plain = typeof value === 'number' || typeof value === 'bigint'; // JSON has neither NaN nor bigint
  const text = plain
    ? String(value)
    : JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
