import { decodedDiffer, ending, eos, guessedBos, knownBos, unknown } from './tokens/ids.js';
import type { AboutTokens, Lists, Recognised, TokenCause } from './tokens/lists.js';
import { byteFallback, otherVocabulary, specialAsText } from './tokens/pieces.js';
import { leadingSpace, otherCut } from './tokens/spelling.js';

export type { AboutTokens, TokenCause } from './tokens/lists.js';

/** In what two token lists differ. */
export interface TokenDiagnosis {
  readonly id: TokenCause;
  readonly title: string;
  /** What it is and where to look. */
  readonly text: string;
  /** The first position that differs. */
  readonly at: number;
  /** A report of the same; empty where there is none. */
  readonly source: string;
}

const CAUSES: Readonly<Record<TokenCause, Pick<TokenDiagnosis, 'title' | 'source'>>> = {
  'tokens-bos-missing': { title: 'BOS is missing', source: 'EleutherAI/lm-evaluation-harness#1465' },
  'tokens-bos-doubled': { title: 'BOS twice', source: 'EleutherAI/lm-evaluation-harness#3333' },
  'tokens-bos-unexpected': { title: 'BOS where the model wants none', source: 'ggml-org/llama.cpp#3966' },
  'tokens-leading-space': { title: 'the leading space', source: 'ggml-org/llama.cpp#4081' },
  'tokens-other-vocabulary': { title: 'ids of another vocabulary', source: '' },
  'tokens-special-as-text': { title: 'a special token is taken for text', source: '' },
  'tokens-byte-fallback': { title: 'the bytes of a character', source: '' },
  'tokens-other-pre-tokenizer': { title: 'the same text cut into other tokens', source: 'ggml-org/llama.cpp#6914' },
  'tokens-truncated': { title: 'one list is the beginning of the other', source: 'ollama/ollama#299' },
  'tokens-eos-appended': { title: 'EOS after the prompt', source: 'meta-pytorch/torchtune#1480' },
  'tokens-decoded': { title: 'other tokens were decoded', source: '' },
  'tokens-unknown': { title: 'the token lists differ', source: '' },
};

/** The first that recognises the lists names the difference. */
const RECOGNISERS: readonly ((lists: Lists) => Recognised | undefined)[] = [
  otherVocabulary,
  bos,
  ending,
  eos,
  specialAsText,
  leadingSpace,
  guessedBos,
  byteFallback,
  otherCut,
];

/**
 * Names the difference of two token lists, prompt then decoded; undefined where they are the same.
 *
 * @example diagnoseTokens([15043], [1, 15043], { bos: 1 })?.id // 'tokens-bos-missing'
 */
export function diagnoseTokens(
  candidate: readonly number[],
  reference: readonly number[],
  about: AboutTokens,
): TokenDiagnosis | undefined {
  const { decoded = 0 } = about;
  const prompts = [candidate, reference].map((list) => list.slice(0, Math.max(0, list.length - decoded)));
  const [ours, theirs] = prompts as [number[], number[]];
  const inPrompt = firstDifference(ours, theirs);
  const at = inPrompt ?? firstDifference(candidate, reference);
  if (at === undefined) return undefined;
  const found =
    inPrompt === undefined
      ? decodedDiffer({ candidate, reference, at, about }, ours.length)
      : recognise({ candidate: ours, reference: theirs, at, about });
  return { id: found.id, ...CAUSES[found.id], text: found.text, at };
}

function recognise(lists: Lists): Recognised {
  for (const recogniser of RECOGNISERS) {
    const found = recogniser(lists);
    if (found) return found;
  }
  return unknown(lists);
}

/** BOS comes first; what differs besides it is told as well. */
function bos(lists: Lists): Recognised | undefined {
  const found = knownBos(lists);
  if (!found) return undefined;
  const { candidate, reference } = found.rest;
  const at = firstDifference(candidate, reference);
  if (at === undefined) return found;
  return {
    id: found.id,
    text: `${found.text} What follows differs as well, counted from there: ${recognise({ ...lists, candidate, reference, at }).text}`,
  };
}

function firstDifference(a: readonly number[], b: readonly number[]): number | undefined {
  const length = Math.max(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return undefined;
}
