import type { GgufFile } from '@llama-probe/engine';
import type { VocabularyInfo } from '@llama-probe/reference';

/** A token at the beginning or the end of a text. */
export interface End {
  /** null where the vocabulary has none. */
  readonly id: number | null;
  readonly isAdded: boolean;
  /** Why it is there, or is not. */
  readonly why: string;
}

/** What was done with a text. */
export interface Done {
  readonly isText: boolean;
  readonly added: { readonly bos: boolean; readonly eos: boolean };
  /** Whether they were to be put around it. */
  readonly puts: boolean;
  /** The chat template has written BOS by itself. */
  readonly byTemplate: boolean;
}

/** BOS and EOS: whether they were added, and which entry of the file says so. */
export function endsOf(
  info: VocabularyInfo,
  file: Pick<GgufFile, 'metadata'>,
  done: Done,
): { readonly bos: End; readonly eos: End } {
  return {
    bos: { id: info.bos, isAdded: done.added.bos, why: whyOf('bos', info, file, done) },
    eos: { id: info.eos, isAdded: done.added.eos, why: whyOf('eos', info, file, done) },
  };
}

function whyOf(
  name: 'bos' | 'eos',
  { type, bos, eos, addsBos, addsEos }: VocabularyInfo,
  { metadata }: Pick<GgufFile, 'metadata'>,
  { isText, added, puts, byTemplate }: Done,
): string {
  const isAdded = added[name];
  const [id, adds] = name === 'bos' ? [bos, addsBos] : [eos, addsEos];
  if (id === null) return isAdded ? 'the vocabulary has none, and puts a separator there' : 'the vocabulary has none';
  if (!isText) return 'ids are as they were given';
  if (!puts) return 'it was not to be added (--no-bos)';
  if (name === 'bos' && byTemplate) return 'the chat template writes it, and it does not come twice';
  const key = `tokenizer.ggml.add_${name}_token`;
  const flag = metadata[key];
  const does = adds ? 'adds it' : 'adds none';
  if (flag === undefined) return `the file has no ${key}, and llama.cpp ${does} for this vocabulary (${type})`;
  if (Boolean(flag) === adds) return `${key} is ${Boolean(flag)}`;
  return `${key} is ${Boolean(flag)}, and llama.cpp ${does} all the same for this pre-tokenizer (${metadata['tokenizer.ggml.pre'] ?? type})`;
}
