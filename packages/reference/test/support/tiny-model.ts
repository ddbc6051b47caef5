import { writeFileSync } from 'node:fs';

/** Small random Llama models as GGUF files, made here so that the tests need no model from outside. */
export interface TinyModel {
  layers?: number;
  embedding?: number;
  heads?: number;
  kvHeads?: number;
  feedForward?: number;
  /** q, k and v get a bias. */
  bias?: boolean;
  /** One matrix makes q, k and v. */
  fused?: boolean;
  /** The embedding is the output matrix too. */
  tied?: boolean;
  experts?: number;
  byteTokens?: boolean;
  vocabulary?: boolean;
  chatTemplate?: string;
}

const [UINT32, FLOAT32, BOOL, STRING, ARRAY] = [4, 6, 7, 8, 9];
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];
const INT32 = 5;

export const PIECES = ['<unk>', '<s>', '</s>'];
const WORDS = [
  '▁',
  'a',
  'b',
  'c',
  'd',
  'e',
  'h',
  'l',
  'o',
  'r',
  'w',
  'he',
  'll',
  'hell',
  'hello',
  '▁hello',
  'wo',
  'wor',
  '▁w',
  'or',
  'ld',
];

export function writeTinyModel(path: string, model: TinyModel = {}): string {
  const { layers = 2, embedding = 64, heads = 4, kvHeads = 2, feedForward = 96 } = model;
  const headDim = embedding / heads;
  const kv = headDim * kvHeads;
  const words =
    model.byteTokens === false ? WORDS : [...WORDS, ...Array.from({ length: 256 }, (_, byte) => `<0x${hex(byte)}>`)];
  const tokens = [...PIECES, ...words];
  const types = tokens.map((token, id) =>
    id === 0 ? UNKNOWN : id < 3 ? CONTROL : /^<0x..>$/.test(token) ? BYTE : NORMAL,
  );
  const vocabulary = tokens.length;

  const metadata: [string, Buffer][] = [
    ['general.architecture', string('llama')],
    ['general.file_type', uint32(0)],
    ['llama.context_length', uint32(512)],
    ['llama.embedding_length', uint32(embedding)],
    ['llama.block_count', uint32(layers)],
    ['llama.feed_forward_length', uint32(feedForward)],
    ['llama.attention.head_count', uint32(heads)],
    ['llama.attention.head_count_kv', uint32(kvHeads)],
    ['llama.rope.dimension_count', uint32(headDim)],
    ['llama.vocab_size', uint32(vocabulary)],
    ['llama.attention.layer_norm_rms_epsilon', float32(1e-5)],
  ];
  if (model.experts) {
    metadata.push(['llama.expert_count', uint32(model.experts)], ['llama.expert_used_count', uint32(2)]);
  }
  if (model.vocabulary === false) metadata.push(['tokenizer.ggml.model', string('no_vocab')]);
  else {
    metadata.push(
      ['tokenizer.ggml.model', string('llama')],
      ['tokenizer.ggml.tokens', array(STRING, tokens.map(text))],
      [
        'tokenizer.ggml.scores',
        array(
          FLOAT32,
          tokens.map((token) => f32(token.length)),
        ),
      ],
      ['tokenizer.ggml.token_type', array(INT32, types.map(u32))],
      ['tokenizer.ggml.bos_token_id', uint32(1)],
      ['tokenizer.ggml.eos_token_id', uint32(2)],
      ['tokenizer.ggml.unknown_token_id', uint32(0)],
      ['tokenizer.ggml.add_bos_token', value(BOOL, Buffer.from([1]))],
    );
    if (model.chatTemplate) metadata.push(['tokenizer.chat_template', string(model.chatTemplate)]);
  }

  const random = generator(7);
  const tensors: { name: string; shape: number[]; data: Float32Array }[] = [];
  const tensor = (name: string, ...shape: number[]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () =>
      shape.length === 1 ? 1 + 0.3 * random() : (1.7 * random()) / Math.sqrt(shape[0] as number),
    );
    tensors.push({ name, shape, data });
  };
  tensor('token_embd.weight', embedding, vocabulary);
  for (let i = 0; i < layers; i++) {
    const blk = `blk.${i}`;
    tensor(`${blk}.attn_norm.weight`, embedding);
    if (model.fused) tensor(`${blk}.attn_qkv.weight`, embedding, embedding + 2 * kv);
    else {
      for (const [name, width] of [
        ['q', embedding],
        ['k', kv],
        ['v', kv],
      ] as const) {
        tensor(`${blk}.attn_${name}.weight`, embedding, width);
        if (model.bias) tensor(`${blk}.attn_${name}.bias`, width);
      }
    }
    tensor(`${blk}.attn_output.weight`, embedding, embedding);
    tensor(`${blk}.ffn_norm.weight`, embedding);
    const experts = model.experts ? [model.experts] : [];
    const suffix = model.experts ? '_exps' : '';
    if (model.experts) tensor(`${blk}.ffn_gate_inp.weight`, embedding, model.experts);
    tensor(`${blk}.ffn_gate${suffix}.weight`, embedding, feedForward, ...experts);
    tensor(`${blk}.ffn_up${suffix}.weight`, embedding, feedForward, ...experts);
    tensor(`${blk}.ffn_down${suffix}.weight`, feedForward, embedding, ...experts);
  }
  tensor('output_norm.weight', embedding);
  if (!model.tied) tensor('output.weight', embedding, vocabulary);

  const parts = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(metadata.length)];
  for (const [key, encoded] of metadata) parts.push(text(key), encoded);
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    parts.push(text(name), u32(shape.length), ...shape.map(u64), u32(0), u64(offset));
    offset += padded(data.byteLength);
  }
  const header = Buffer.concat(parts);
  const body = tensors.map(({ data }) => pad(Buffer.from(data.buffer)));
  writeFileSync(path, Buffer.concat([pad(header), ...body]));
  return path;
}

const ALIGNMENT = 32;
const padded = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const pad = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);
const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, '0');

function u32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}

function u64(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(number));
  return bytes;
}

function f32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(number);
  return bytes;
}

const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const value = (type: number, bytes: Buffer) => Buffer.concat([u32(type), bytes]);
const string = (content: string) => value(STRING, text(content));
const uint32 = (number: number) => value(UINT32, u32(number));
const float32 = (number: number) => value(FLOAT32, f32(number));
const array = (type: number, items: Buffer[]) => value(ARRAY, Buffer.concat([u32(type), u64(items.length), ...items]));

/** Numbers between -1 and 1, the same in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
