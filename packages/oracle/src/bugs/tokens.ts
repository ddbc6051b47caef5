import { type Bug, bug, COMMON } from '../bug.js';

const TOKENS = ['tokens'] as const;
const none = () => [];

/** What goes wrong before anything is computed: seen in the two lists of tokens, not in a stage. */
export const TOKEN_BUGS: readonly Bug[] = [
  bug({
    id: 'tokens-bos-missing',
    title: 'The BOS token is missing',
    stages: TOKENS,
    changes: 'The sequence begins with the first token of the text, and every position is one too near.',
    look: 'Whether tokenizer.ggml.add_bos_token is obeyed.',
    source: 'EleutherAI/lm-evaluation-harness#1465',
    variants: none,
  }),
  bug({
    id: 'tokens-bos-doubled',
    title: 'The BOS token is there twice',
    stages: TOKENS,
    changes: 'The sequence begins with two of them, and every position is one too far.',
    look: 'Whether a chat template writes the BOS token that the tokenizer then adds again.',
    source: 'EleutherAI/lm-evaluation-harness#3333',
    variants: none,
  }),
  bug({
    id: 'tokens-other-pre-tokenizer',
    title: 'The text is split by another pre-tokenizer',
    stages: TOKENS,
    changes: 'Digits, spaces or punctuation are cut into other tokens of the same text.',
    look: 'Whether tokenizer.ggml.pre is read, and its regular expression is the one of this model.',
    source: 'ggml-org/llama.cpp#6914',
    variants: none,
  }),
  bug({
    id: 'tokens-leading-space',
    title: 'A leading space is trimmed or added',
    stages: TOKENS,
    changes: 'The first token of the text is that of the word without, or with, a space before it.',
    look: 'Whether tokenizer.ggml.add_space_prefix is obeyed, and the prompt reaches the tokenizer untrimmed.',
    source: COMMON,
    variants: none,
  }),
];
