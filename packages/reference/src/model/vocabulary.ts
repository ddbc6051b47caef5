import { ModelError, PromptError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import type { Piece, VocabularyInfo } from '../process/protocol.js';

/** Text → token ids. @throws ModelError `model-no-vocabulary` */
export function tokenize(
  library: LlamaLibrary,
  model: Pointer,
  text: string,
  addSpecial: boolean,
  parseSpecial: boolean,
): number[] {
  const vocabulary = vocabularyOf(library, model);
  const bytes = Buffer.from(text, 'utf8');
  let ids = new Int32Array(bytes.length + 8);
  const attempt = () =>
    library.llama_tokenize(vocabulary, bytes, bytes.length, ids, ids.length, addSpecial, parseSpecial) as number;
  let count = attempt();
  if (count < 0) {
    ids = new Int32Array(-count);
    count = attempt();
  }
  return [...ids.subarray(0, count)];
}

/** Token ids → text. @param special whether `<s>` and the like are spelt out */
export function detokenize(library: LlamaLibrary, model: Pointer, ids: readonly number[], special: boolean): string {
  const vocabulary = vocabularyOf(library, model);
  checkTokens(ids, library.llama_vocab_n_tokens(vocabulary));
  const tokens = Int32Array.from(ids);
  let bytes = Buffer.alloc(16 * ids.length + 64);
  const attempt = () =>
    library.llama_detokenize(vocabulary, tokens, tokens.length, bytes, bytes.length, !special, special) as number;
  let length = attempt();
  if (length < 0) {
    bytes = Buffer.alloc(-length);
    length = attempt();
  }
  return bytes.toString('utf8', 0, length);
}

const TYPES = ['none', 'SPM', 'BPE', 'WPM', 'UGM', 'RWKV', 'PLaMo-2'] as const;

/** @throws ModelError `model-no-vocabulary` */
export function vocabularyInfo(library: LlamaLibrary, model: Pointer): VocabularyInfo {
  const vocabulary = vocabularyOf(library, model);
  const id = (found: number) => (found < 0 ? null : found);
  return {
    type: TYPES[library.llama_vocab_type(vocabulary)] ?? 'unknown',
    size: library.llama_vocab_n_tokens(vocabulary),
    bos: id(library.llama_vocab_bos(vocabulary)),
    eos: id(library.llama_vocab_eos(vocabulary)),
    addsBos: library.llama_vocab_get_add_bos(vocabulary),
    addsEos: library.llama_vocab_get_add_eos(vocabulary),
  };
}

/** llama.h's enum llama_token_attr: which bit, the first that is set. */
const KINDS = [
  [1 << 3, 'control'],
  [1 << 4, 'user-defined'],
  [1 << 5, 'byte'],
  [1 << 0, 'unknown'],
  [1 << 1, 'unused'],
] as const;

/** What tokens stand for, control tokens spelt out. @throws PromptError `token-out-of-range` */
export function piecesOf(library: LlamaLibrary, model: Pointer, ids: readonly number[]): Piece[] {
  const vocabulary = vocabularyOf(library, model);
  checkTokens(ids, library.llama_vocab_n_tokens(vocabulary));
  let bytes = Buffer.alloc(256);
  return ids.map((id) => {
    const attempt = () => library.llama_token_to_piece(vocabulary, id, bytes, bytes.length, 0, true) as number;
    let length = attempt();
    if (length < 0) {
      bytes = Buffer.alloc(-length);
      length = attempt();
    }
    const attributes = library.llama_vocab_get_attr(vocabulary, id) as number;
    const kind = KINDS.find(([bit]) => (attributes & bit) !== 0)?.[1] ?? 'normal';
    return { bytes: bytes.toString('hex', 0, length), kind };
  });
}

/** A user's message through the model's own chat template, with the assistant's turn opened. */
export function applyChatTemplate(library: LlamaLibrary, model: Pointer, prompt: string): string {
  const template: string | null = library.llama_model_chat_template(model, null);
  if (!template) {
    throw new PromptError(
      'chat-template-missing',
      'the model has no chat template (tokenizer.chat_template in its metadata); it is no chat model. Give it plain text, without --chat.',
    );
  }
  let bytes = Buffer.alloc(4 * Buffer.byteLength(prompt) + 1024);
  const attempt = () =>
    library.llama_chat_apply_template(
      template,
      [{ role: 'user', content: prompt }],
      1,
      true,
      bytes,
      bytes.length,
    ) as number;
  let length = attempt();
  if (length < 0) {
    throw new PromptError(
      'chat-template-unsupported',
      `llama.cpp recognises none of its built-in chat templates in the model's (it begins ${JSON.stringify(template.slice(0, 60))}). Write the prompt in the model's format yourself and give it as plain text, without --chat.`,
    );
  }
  if (length > bytes.length) {
    bytes = Buffer.alloc(length);
    length = attempt();
  }
  return bytes.toString('utf8', 0, length);
}

/** @throws PromptError `token-out-of-range` */
export function checkTokens(ids: readonly number[], size: number): void {
  const at = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= size);
  if (at >= 0) {
    throw new PromptError(
      'token-out-of-range',
      `token ${at} is ${ids[at]}, and this model's vocabulary has the ids 0 to ${size - 1}. Token ids of another model do not fit.`,
    );
  }
}

function vocabularyOf(library: LlamaLibrary, model: Pointer): Pointer {
  const vocabulary: Pointer = library.llama_model_get_vocab(model);
  const none = 0;
  if (library.llama_vocab_type(vocabulary) === none) {
    throw new ModelError(
      'model-no-vocabulary',
      'the model file has no vocabulary (tokenizer.ggml.model is no_vocab), so text cannot become tokens. Run it with --tokens and ids, or take a file that has one.',
    );
  }
  return vocabulary;
}
