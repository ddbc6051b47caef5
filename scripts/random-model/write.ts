import { closeSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';

/** The sizes of real models. */
export const SHAPES = {
  tinyllama: { layers: 22, embd: 2048, ff: 5632, heads: 32, headsKv: 4, vocab: 32000, theta: 1e4 },
  'llama-3.2-1b': { layers: 16, embd: 2048, ff: 8192, heads: 32, headsKv: 8, vocab: 128256, theta: 5e5 },
  'llama-3.2-3b': { layers: 28, embd: 3072, ff: 8192, heads: 24, headsKv: 8, vocab: 128256, theta: 5e5 },
  'llama-3-70b': { layers: 80, embd: 8192, ff: 28672, heads: 64, headsKv: 8, vocab: 128256, theta: 5e5 },
  'llama-3-8b': { layers: 32, embd: 4096, ff: 14336, heads: 32, headsKv: 8, vocab: 128256, theta: 5e5 },
};

const F32 = { id: 0, elements: 1, bytes: 4, ftype: 0 };
/** What its matrices may be of. */
export const TYPES = {
  Q8_0: { id: 8, elements: 32, bytes: 34, ftype: 7 },
  Q4_K: { id: 12, elements: 256, bytes: 144, ftype: 14 },
};

export type ShapeName = keyof typeof SHAPES;
export type TypeName = keyof typeof TYPES;

export interface RandomModel {
  readonly shape: ShapeName;
  readonly type: TypeName;
  /** As many as the shape has without it. */
  readonly layers?: number | undefined;
  readonly seed?: number | undefined;
  /** Of the matrices only those of the first block and of the vocabulary are written; the others are zeros that take no room on the disk. */
  readonly holes?: boolean | undefined;
}

interface Sizes {
  readonly layers: number;
  readonly embd: number;
  readonly ff: number;
  readonly heads: number;
  readonly headsKv: number;
  readonly vocab: number;
  readonly theta: number;
}

interface TensorSpec {
  readonly name: string;
  readonly type: typeof F32;
  readonly columns: number;
  readonly rows: number;
}

const sizeOf = ({ type, columns, rows }: TensorSpec) => ((columns * rows) / type.elements) * type.bytes;

const sizesOf = ({ shape, layers }: Pick<RandomModel, 'shape' | 'layers'>): Sizes => ({
  ...SHAPES[shape],
  layers: layers ?? SHAPES[shape].layers,
});

function tensorsOf(sizes: Sizes, type: typeof F32): TensorSpec[] {
  const { layers, embd, ff, heads, headsKv, vocab } = sizes;
  const kv = (embd / heads) * headsKv;
  const matrix = (name: string, columns: number, rows: number): TensorSpec => ({ name, type, columns, rows });
  const norm = (name: string): TensorSpec => ({ name, type: F32, columns: embd, rows: 1 });
  return [
    matrix('token_embd.weight', embd, vocab),
    ...Array.from({ length: layers }, (_, il) => [
      norm(`blk.${il}.attn_norm.weight`),
      matrix(`blk.${il}.attn_q.weight`, embd, embd),
      matrix(`blk.${il}.attn_k.weight`, embd, kv),
      matrix(`blk.${il}.attn_v.weight`, embd, kv),
      matrix(`blk.${il}.attn_output.weight`, embd, embd),
      norm(`blk.${il}.ffn_norm.weight`),
      matrix(`blk.${il}.ffn_gate.weight`, embd, ff),
      matrix(`blk.${il}.ffn_up.weight`, embd, ff),
      matrix(`blk.${il}.ffn_down.weight`, ff, embd),
    ]).flat(),
    norm('output_norm.weight'),
    matrix('output.weight', embd, vocab),
  ];
}

/** How large such a model is, in bytes, but for its header. */
export const bytesOfModel = (model: Pick<RandomModel, 'shape' | 'type' | 'layers'>): number =>
  tensorsOf(sizesOf(model), TYPES[model.type]).reduce((all, tensor) => all + sizeOf(tensor), 0);

const ALIGNMENT = 32;
const padding = (bytes: number) => (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;

/** GGUF v3: magic, version, counts, metadata, tensor table. */
function headerOf(shape: ShapeName, sizes: Sizes, type: typeof F32, tensors: readonly TensorSpec[]): Buffer {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
  const f32 = (value: number) => Buffer.from(Float32Array.of(value).buffer);
  const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
  const metadata: Array<[string, Buffer]> = [
    ['general.architecture', Buffer.concat([u32(8), text('llama')])],
    ['general.name', Buffer.concat([u32(8), text(`random, in the shape of ${shape}`)])],
    ['general.file_type', Buffer.concat([u32(4), u32(type.ftype)])],
    ['llama.context_length', Buffer.concat([u32(4), u32(2048)])],
    ['llama.embedding_length', Buffer.concat([u32(4), u32(sizes.embd)])],
    ['llama.block_count', Buffer.concat([u32(4), u32(sizes.layers)])],
    ['llama.feed_forward_length', Buffer.concat([u32(4), u32(sizes.ff)])],
    ['llama.attention.head_count', Buffer.concat([u32(4), u32(sizes.heads)])],
    ['llama.attention.head_count_kv', Buffer.concat([u32(4), u32(sizes.headsKv)])],
    ['llama.attention.layer_norm_rms_epsilon', Buffer.concat([u32(6), f32(1e-5)])],
    ['llama.rope.freq_base', Buffer.concat([u32(6), f32(sizes.theta)])],
    ['llama.rope.dimension_count', Buffer.concat([u32(4), u32(sizes.embd / sizes.heads)])],
    ['llama.vocab_size', Buffer.concat([u32(4), u32(sizes.vocab)])],
    ['tokenizer.ggml.model', Buffer.concat([u32(8), text('no_vocab')])],
  ];
  let offset = 0;
  const table = tensors.map((tensor) => {
    const dimensions = tensor.rows === 1 ? [tensor.columns] : [tensor.columns, tensor.rows];
    const entry = [text(tensor.name), u32(dimensions.length), ...dimensions.map(u64), u32(tensor.type.id), u64(offset)];
    offset += sizeOf(tensor) + padding(sizeOf(tensor));
    return Buffer.concat(entry);
  });
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata.map(([key, value]) => Buffer.concat([text(key), value])),
    ...table,
  ]);
}

/** xorshift32: fast, and the same everywhere. */
function xorshift(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Weights of standard deviation 1/√columns, so that a product keeps the size of its input. */
const FILL: Record<number, (part: Buffer, columns: number, random: () => number) => void> = {
  [F32.id]: (part) => new Float32Array(part.buffer, part.byteOffset, part.length / 4).fill(1),
  // of a scale and 32 signed bytes
  [TYPES.Q8_0.id]: (part, columns, random) => {
    const scale = floatToHalf(1 / (74 * Math.sqrt(columns)));
    for (let at = 0; at < part.length; at += TYPES.Q8_0.bytes) {
      part.writeUInt16LE(scale, at);
      for (let i = 2; i < TYPES.Q8_0.bytes; i += 4) part.writeUInt32LE(random(), at + i);
    }
  },
  // d · 32 · q − dmin · 32, with dmin = 7.5 · d: every sub-block has the scale and the minimum 32, packed in twelve bytes
  [TYPES.Q4_K.id]: (part, columns, random) => {
    const scale = 1 / (147 * Math.sqrt(columns));
    for (let at = 0; at < part.length; at += TYPES.Q4_K.bytes) {
      part.writeUInt16LE(floatToHalf(scale), at);
      part.writeUInt16LE(floatToHalf(7.5 * scale), at + 2);
      part.fill(0xa0, at + 4, at + 12).fill(0, at + 12, at + 16);
      for (let i = 16; i < TYPES.Q4_K.bytes; i += 4) part.writeUInt32LE(random(), at + i);
    }
  },
};

/** For positive numbers: f16 bits, truncated, subnormals included. */
function floatToHalf(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] as number;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const mantissa = (bits & 0x7fffff) | 0x800000;
  return exponent > 0 ? (exponent << 10) | ((bits >>> 13) & 0x3ff) : mantissa >>> (14 - exponent);
}

/**
 * Writes a random model, without a tokenizer. It is there whole or not at all.
 *
 * @param say told how much of it is written, of 1
 * @returns its size in bytes
 * @example writeRandomModel('random.gguf', { shape: 'tinyllama', type: 'Q8_0', layers: 2 })
 */
export function writeRandomModel(path: string, model: RandomModel, say: (share: number) => void = () => {}): number {
  const sizes = sizesOf(model);
  const type = TYPES[model.type];
  const tensors = tensorsOf(sizes, type);
  const header = headerOf(model.shape, sizes, type, tensors);
  const random = xorshift(model.seed ?? 1);
  const descriptor = openSync(`${path}.partial`, 'w');
  let at = header.length + padding(header.length);
  writeSync(descriptor, header, 0, header.length, 0);
  const all = at + tensors.reduce((sum, tensor) => sum + sizeOf(tensor) + padding(sizeOf(tensor)), 0);
  for (const tensor of tensors) {
    const bytes = sizeOf(tensor);
    if (!model.holes || tensor.rows === 1 || !/^blk\.[1-9]/.test(tensor.name)) write(descriptor, tensor, at, random);
    at += bytes + padding(bytes);
    say(at / all);
  }
  ftruncateSync(descriptor, at);
  closeSync(descriptor);
  renameSync(`${path}.partial`, path);
  return at;
}

function write(descriptor: number, tensor: TensorSpec, begin: number, random: () => number): void {
  const rowBytes = sizeOf({ ...tensor, rows: 1 });
  const rowsAtOnce = Math.min(tensor.rows, 256);
  const chunk = Buffer.alloc(rowBytes * rowsAtOnce);
  for (let row = 0; row < tensor.rows; row += rowsAtOnce) {
    const part = chunk.subarray(0, rowBytes * Math.min(rowsAtOnce, tensor.rows - row));
    FILL[tensor.type.id]?.(part, tensor.columns, random);
    writeSync(descriptor, part, 0, part.length, begin + row * rowBytes);
  }
}
