import { f32, type GgufValue, i32, list, text, texts, u32 } from '../gguf.js';

const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];
const CONTROLS = ['<unk>', '<s>', '</s>'];
const WORDS = '▁ a b c d e h l o r w he ll hell hello ▁hello wo wor ▁w or ld'.split(' ');
const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);

/** A SentencePiece tokenizer that knows "hello world". @param options `byteTokens: false` leaves out what spells everything else */
export function tokenizer(options: { byteTokens?: boolean; chatTemplate?: string } = {}): {
  tokens: readonly string[];
  metadata: Record<string, GgufValue>;
} {
  const { byteTokens = true, chatTemplate } = options;
  const tokens = [...CONTROLS, ...WORDS, ...(byteTokens ? BYTES : [])];
  const typeOf = (token: string, id: number) =>
    id === 0 ? UNKNOWN : id < CONTROLS.length ? CONTROL : /^<0x..>$/.test(token) ? BYTE : NORMAL;
  return {
    tokens,
    metadata: {
      'tokenizer.ggml.model': text('llama'),
      'tokenizer.ggml.tokens': texts(tokens),
      'tokenizer.ggml.scores': list(tokens.map((token) => f32(token.length))),
      'tokenizer.ggml.token_type': list(tokens.map((token, id) => i32(typeOf(token, id)))),
      'tokenizer.ggml.bos_token_id': u32(1),
      'tokenizer.ggml.eos_token_id': u32(2),
      'tokenizer.ggml.unknown_token_id': u32(0),
      'tokenizer.ggml.add_bos_token': { type: 'bool', value: 1 },
      ...(chatTemplate === undefined ? {} : { 'tokenizer.chat_template': text(chatTemplate) }),
    },
  };
}
