import { checkModelFiles } from './model/files.js';
import { openLibraries } from './process/lease.js';
import type { Piece, VocabularyInfo } from './process/protocol.js';
import type { Reference, ReferenceOptions } from './reference.js';

/** llama.cpp's tokeniser of a file, without its weights. */
export interface Vocabulary extends Pick<Reference, 'tokenize' | 'detokenize' | 'chat' | 'close'>, AsyncDisposable {
  readonly info: VocabularyInfo & { readonly name: 'llama.cpp'; readonly version: string };
  /** What each token stands for. @throws PromptError `token-out-of-range` */
  pieces(ids: readonly number[]): Promise<readonly Piece[]>;
}

/**
 * Starts llama.cpp and loads the vocabulary of a GGUF file, which may have nothing else.
 *
 * @throws UnsupportedLibraryError, ModelError, CrashError
 * @example await using vocabulary = await openVocabulary({ model: 'ggml-vocab-llama-spm.gguf' });
 */
export async function openVocabulary({
  model,
  libraries,
  signal,
}: Pick<ReferenceOptions, 'model' | 'libraries' | 'signal'>): Promise<Vocabulary> {
  const [path] = await checkModelFiles(model);
  const child = await openLibraries({ directory: libraries }, { signal });
  try {
    const { version } = child.library;
    const info = await child.request('loadVocabulary', { path });
    return {
      info: { ...info, name: 'llama.cpp', version },
      tokenize: (text, { addSpecial = true, parseSpecial = true } = {}) =>
        child.request('tokenize', { text, addSpecial, parseSpecial }),
      detokenize: (ids, { special = true } = {}) => child.request('detokenize', { ids, special }),
      chat: (prompt) => child.request('chat', { prompt }),
      pieces: (ids) => child.request('pieces', { ids }),
      close: () => child.close(),
      [Symbol.asyncDispose]: () => child.close(),
    };
  } catch (error) {
    await child.close();
    throw error;
  }
}
