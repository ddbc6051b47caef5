/**
 * Writes a random model in TinyLlama's shape (22 layers, 2048 wide, 32 heads, 4 KV heads, feed-forward 5632, vocabulary
 * 32000), Q8_0, without a tokenizer: for measuring, at the size of a real model. Its text is noise; run it with --tokens.
 *
 *   node scripts/dist/random-model.js dumps/tinyllama-shaped-Q8_0.gguf [--layers 22] [--seed 1]
 */
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { layers: { type: 'string', default: '22' }, seed: { type: 'string', default: '1' } },
});
const [path] = positionals;
if (!path) {
  console.error('usage: node scripts/dist/random-model.js FILE.gguf [--layers N] [--seed N]');
  process.exit(2);
}

const SHAPE = { layers: Number(values.layers), embd: 2048, ff: 5632, heads: 32, headsKv: 4, vocab: 32000 };
const kv = (SHAPE.embd / SHAPE.heads) * SHAPE.headsKv;
const F32 = { id: 0, elements: 1, bytes: 4 };
const Q8_0 = { id: 8, elements: 32, bytes: 34 };

interface TensorSpec {
  name: string;
  type: typeof F32;
  columns: number;
  rows: number;
}
const matrix = (name: string, columns: number, rows: number): TensorSpec => ({ name, type: Q8_0, columns, rows });
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
  ['general.name', Buffer.concat([u32(8), text('random, in the shape of TinyLlama')])],
  ['general.file_type', Buffer.concat([u32(4), u32(7)])],
  ['llama.context_length', Buffer.concat([u32(4), u32(2048)])],
  ['llama.embedding_length', Buffer.concat([u32(4), u32(SHAPE.embd)])],
  ['llama.block_count', Buffer.concat([u32(4), u32(SHAPE.layers)])],
  ['llama.feed_forward_length', Buffer.concat([u32(4), u32(SHAPE.ff)])],
  ['llama.attention.head_count', Buffer.concat([u32(4), u32(SHAPE.heads)])],
  ['llama.attention.head_count_kv', Buffer.concat([u32(4), u32(SHAPE.headsKv)])],
  ['llama.attention.layer_norm_rms_epsilon', Buffer.concat([u32(6), f32(1e-5)])],
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

/** 32 weights of standard deviation 1/√columns, so that a product keeps the size of its input. */
function fillQ8(block: Buffer, columns: number): void {
  const scale = floatToHalf(1 / (74 * Math.sqrt(columns)));
  for (let at = 0; at < block.length; at += Q8_0.bytes) {
    block.writeUInt16LE(scale, at);
    for (let i = 2; i < Q8_0.bytes; i += 4) block.writeUInt32LE(random(), at + i);
  }
}

/** For positive numbers: f16 bits, truncated, subnormals included. */
function floatToHalf(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] as number;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const mantissa = (bits & 0x7fffff) | 0x800000;
  return exponent > 0 ? (exponent << 10) | ((bits >>> 13) & 0x3ff) : mantissa >>> (14 - exponent);
}

const descriptor = openSync(`${path}.partial`, 'w');
writeSync(descriptor, Buffer.concat([header, Buffer.alloc(padding(header.length))]));
for (const tensor of tensors) {
  const rowBytes = sizeOf({ ...tensor, rows: 1 });
  const rowsAtOnce = Math.min(tensor.rows, 256);
  const chunk = Buffer.alloc(rowBytes * rowsAtOnce);
  for (let row = 0; row < tensor.rows; row += rowsAtOnce) {
    const part = chunk.subarray(0, rowBytes * Math.min(rowsAtOnce, tensor.rows - row));
    if (tensor.type === F32) new Float32Array(part.buffer, part.byteOffset, tensor.columns).fill(1);
    else fillQ8(part, tensor.columns);
    writeSync(descriptor, part);
  }
  writeSync(descriptor, Buffer.alloc(padding(sizeOf(tensor))));
}
closeSync(descriptor);
renameSync(`${path}.partial`, path);
console.log(`${path}: ${header.length + offset} bytes`);
