/**
 * Writes a random model in the shape of a real one, without a tokenizer: for measuring, at that size. Its text is noise; run it with --tokens.
 *
 *   node scripts/dist/random-model.js dumps/tinyllama-shaped-Q8_0.gguf [--shape tinyllama] [--type Q8_0] [--layers 22] [--seed 1] [--holes]
 *
 * With --holes only the vocabulary, the norms and the first block are on the disk. The matrices of the other blocks are holes in the file: zeros, which are read like any weights, so that a block
 * passes on what it was given.
 */
import { closeSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shape: { type: 'string', default: 'tinyllama' },
    type: { type: 'string', default: 'Q8_0' },
    layers: { type: 'string' },
    seed: { type: 'string', default: '1' },
    holes: { type: 'boolean', default: false },
  },
});
const SHAPES = {
  tinyllama: { layers: 22, embd: 2048, ff: 5632, heads: 32, headsKv: 4, vocab: 32000, theta: 1e4 },
  'llama-3.2-1b': { layers: 16, embd: 2048, ff: 8192, heads: 32, headsKv: 8, vocab: 128256, theta: 5e5 },
  'llama-3-70b': { layers: 80, embd: 8192, ff: 28672, heads: 64, headsKv: 8, vocab: 128256, theta: 5e5 },
  'llama-3-8b': { layers: 32, embd: 4096, ff: 14336, heads: 32, headsKv: 8, vocab: 128256, theta: 5e5 },
};
const F32 = { id: 0, elements: 1, bytes: 4, ftype: 0 };
const TYPES = {
  Q8_0: { id: 8, elements: 32, bytes: 34, ftype: 7 },
  Q4_K: { id: 12, elements: 256, bytes: 144, ftype: 14 },
};
const shape = SHAPES[values.shape as keyof typeof SHAPES];
const TYPE = TYPES[values.type as keyof typeof TYPES];
const [path] = positionals;
if (!path || !shape || !TYPE) {
  console.error(
    'usage: node scripts/dist/random-model.js FILE.gguf [--shape NAME] [--type TYPE] [--layers N] [--seed N] [--holes]',
  );
  console.error(`shapes: ${Object.keys(SHAPES).join(', ')}; types: ${Object.keys(TYPES).join(', ')}`);
  process.exit(2);
}

const SHAPE = { ...shape, layers: Number(values.layers ?? shape.layers) };
const kv = (SHAPE.embd / SHAPE.heads) * SHAPE.headsKv;

interface TensorSpec {
  name: string;
  type: typeof F32;
  columns: number;
  rows: number;
}
const matrix = (name: string, columns: number, rows: number): TensorSpec => ({ name, type: TYPE, columns, rows });
const norm = (name: string): TensorSpec => ({ name, type: F32, columns: SHAPE.embd, rows: 1 });

const tensors: TensorSpec[] = [
  matrix('token_embd.weight', SHAPE.embd, SHAPE.vocab),
  ...Array.from({ length: SHAPE.layers }, (_, il) => [
    norm(`blk.${il}.attn_norm.weight`),
    matrix(`blk.${il}.attn_q.weight`, SHAPE.embd, SHAPE.embd),
    matrix(`blk.${il}.attn_k.weight`, SHAPE.embd, kv),
    matrix(`blk.${il}.attn_v.weight`, SHAPE.embd, kv),
    matrix(`blk.${il}.attn_output.weight`, SHAPE.embd, SHAPE.embd),
    norm(`blk.${il}.ffn_norm.weight`),
    matrix(`blk.${il}.ffn_gate.weight`, SHAPE.embd, SHAPE.ff),
    matrix(`blk.${il}.ffn_up.weight`, SHAPE.embd, SHAPE.ff),
    matrix(`blk.${il}.ffn_down.weight`, SHAPE.ff, SHAPE.embd),
  ]).flat(),
  norm('output_norm.weight'),
  matrix('output.weight', SHAPE.embd, SHAPE.vocab),
];

// GGUF v3: magic, version, counts, metadata, tensor table, padding, data.
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const f32 = (value: number) => Buffer.from(Float32Array.of(value).buffer);
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const metadata: Array<[string, Buffer]> = [
  ['general.architecture', Buffer.concat([u32(8), text('llama')])],
  ['general.name', Buffer.concat([u32(8), text(`random, in the shape of ${values.shape}`)])],
  ['general.file_type', Buffer.concat([u32(4), u32(TYPE.ftype)])],
  ['llama.context_length', Buffer.concat([u32(4), u32(2048)])],
  ['llama.embedding_length', Buffer.concat([u32(4), u32(SHAPE.embd)])],
  ['llama.block_count', Buffer.concat([u32(4), u32(SHAPE.layers)])],
  ['llama.feed_forward_length', Buffer.concat([u32(4), u32(SHAPE.ff)])],
  ['llama.attention.head_count', Buffer.concat([u32(4), u32(SHAPE.heads)])],
  ['llama.attention.head_count_kv', Buffer.concat([u32(4), u32(SHAPE.headsKv)])],
  ['llama.attention.layer_norm_rms_epsilon', Buffer.concat([u32(6), f32(1e-5)])],
  ['llama.rope.freq_base', Buffer.concat([u32(6), f32(SHAPE.theta)])],
  ['llama.rope.dimension_count', Buffer.concat([u32(4), u32(SHAPE.embd / SHAPE.heads)])],
  ['llama.vocab_size', Buffer.concat([u32(4), u32(SHAPE.vocab)])],
  ['tokenizer.ggml.model', Buffer.concat([u32(8), text('no_vocab')])],
];

const ALIGNMENT = 32;
const padding = (bytes: number) => (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;
const sizeOf = ({ type, columns, rows }: TensorSpec) => ((columns * rows) / type.elements) * type.bytes;

let offset = 0;
const table = tensors.map((tensor) => {
  const dimensions = tensor.rows === 1 ? [tensor.columns] : [tensor.columns, tensor.rows];
  const entry = [text(tensor.name), u32(dimensions.length), ...dimensions.map(u64), u32(tensor.type.id), u64(offset)];
  offset += sizeOf(tensor) + padding(sizeOf(tensor));
  return Buffer.concat(entry);
});
const header = Buffer.concat([
  Buffer.from('GGUF'),
  u32(3),
  u64(tensors.length),
  u64(metadata.length),
  ...metadata.map(([key, value]) => Buffer.concat([text(key), value])),
  ...table,
]);

/** xorshift32: fast, and the same everywhere. */
let state = Number(values.seed) || 1;
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

/** Weights of standard deviation 1/√columns, so that a product keeps the size of its input. */
const FILL: Record<number, (part: Buffer, columns: number) => void> = {
  [F32.id]: (part) => new Float32Array(part.buffer, part.byteOffset, part.length / 4).fill(1),
  // of a scale and 32 signed bytes
  [TYPES.Q8_0.id]: (part, columns) => {
    const scale = floatToHalf(1 / (74 * Math.sqrt(columns)));
    for (let at = 0; at < part.length; at += TYPES.Q8_0.bytes) {
      part.writeUInt16LE(scale, at);
      for (let i = 2; i < TYPES.Q8_0.bytes; i += 4) part.writeUInt32LE(random(), at + i);
    }
  },
  // d · 32 · q − dmin · 32, with dmin = 7.5 · d: every sub-block has the scale and the minimum 32, packed in twelve bytes
  [TYPES.Q4_K.id]: (part, columns) => {
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

const descriptor = openSync(`${path}.partial`, 'w');
let at = header.length + padding(header.length);
writeSync(descriptor, header, 0, header.length, 0);
for (const tensor of tensors) {
  const bytes = sizeOf(tensor);
  if (!values.holes || tensor.rows === 1 || !/^blk\.[1-9]/.test(tensor.name)) write(tensor, at);
  at += bytes + padding(bytes);
}
ftruncateSync(descriptor, at);
closeSync(descriptor);
renameSync(`${path}.partial`, path);
console.log(`${path}: ${at} bytes`);

function write(tensor: TensorSpec, begin: number): void {
  const rowBytes = sizeOf({ ...tensor, rows: 1 });
  const rowsAtOnce = Math.min(tensor.rows, 256);
  const chunk = Buffer.alloc(rowBytes * rowsAtOnce);
  for (let row = 0; row < tensor.rows; row += rowsAtOnce) {
    const part = chunk.subarray(0, rowBytes * Math.min(rowsAtOnce, tensor.rows - row));
    FILL[tensor.type.id]?.(part, tensor.columns);
    writeSync(descriptor, part, 0, part.length, begin + row * rowBytes);
  }
}
