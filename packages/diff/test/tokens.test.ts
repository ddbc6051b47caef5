import { seeded } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { type AboutTokens, diagnoseTokens } from '../src/tokens.js';

/** A vocabulary as SentencePiece has it. */
const SPM = ['<unk>', '<s>', '</s>', '▁', '▁Hello', 'Hello', '▁wor', 'ld', '▁world', 'Hel', 'lo', '!', '▁▁', '<0x41>'];
/** A vocabulary as GPT-2 has it. */
const BPE = ['<|begin_of_text|>', '<|user|>', 'ĠHello', 'Hello', 'Ġworld', 'Ġwor', 'ld', '12', '3', '1', '23', ''];

const id = (pieces: readonly string[]) => (piece: string) => pieces.indexOf(piece);
const spm = (...pieces: string[]) => pieces.map(id(SPM));
const bpe = (...pieces: string[]) => pieces.map(id(BPE));
const WITH_SPM: AboutTokens = { bos: 1, eos: 2, piece: (one) => SPM[one] };
const WITH_BPE: AboutTokens = { bos: 0, piece: (one) => BPE[one] };
const IDS: AboutTokens = { bos: 1, eos: 2 };
const NOTHING: AboutTokens = {};

const PROMPT = [1, 40, 41, 42, 43];

describe('the same lists differ in nothing', () => {
  test.each([
    [[], NOTHING],
    [PROMPT, NOTHING],
    [PROMPT, { ...WITH_SPM, decoded: 2 }],
    [[1, 1, 2, 2], IDS],
  ])('%j', (tokens, about) => {
    expect(diagnoseTokens(tokens, [...tokens], about)).toBeUndefined();
  });
});

const cases: [string, number[], number[], AboutTokens, string | undefined, number, RegExp?][] = [
  // BOS, where the vocabulary says which id it is
  ['no BOS', PROMPT.slice(1), PROMPT, IDS, 'tokens-bos-missing', 0, /^The candidate does not begin with BOS, 1,/],
  [
    'no BOS, and the text that names it',
    spm('▁Hello'),
    spm('<s>', '▁Hello'),
    WITH_SPM,
    'tokens-bos-missing',
    0,
    /BOS, 1 \("<s>"\)/,
  ],
  [
    'another id for BOS',
    [2, 40, 41],
    [1, 40, 41],
    IDS,
    'tokens-bos-missing',
    0,
    /begins with 2, the reference with BOS, 1/,
  ],
  ['BOS twice', [1, ...PROMPT], PROMPT, IDS, 'tokens-bos-doubled', 1, /twice and the reference once/],
  ['BOS three times', [1, 1, ...PROMPT], PROMPT, IDS, 'tokens-bos-doubled', 1, /3 times and the reference once/],
  [
    'BOS twice in the reference',
    PROMPT,
    [1, ...PROMPT],
    IDS,
    'tokens-bos-missing',
    1,
    /^The reference begins with BOS, 1, twice/,
  ],
  ['BOS where there is none', PROMPT, PROMPT.slice(1), IDS, 'tokens-bos-unexpected', 0, /add_bos_token/],
  ['a list of BOS alone', [1, 1], [1], IDS, 'tokens-bos-doubled', 1],
  [
    'no BOS and more',
    [40, 41, 9],
    PROMPT,
    IDS,
    'tokens-bos-missing',
    0,
    /What follows differs as well, counted from there: .*position 2 the candidate has 9/,
  ],
  [
    'no BOS and no leading space',
    spm('Hello', '!'),
    spm('<s>', '▁Hello', '!'),
    WITH_SPM,
    'tokens-bos-missing',
    0,
    /lacks the space in front/,
  ],
  [
    'no BOS and other decoded tokens',
    [40, 41, 42, 43, 7, 8],
    [...PROMPT, 5, 6],
    { ...IDS, decoded: 2 },
    'tokens-bos-missing',
    0,
    /too low/,
  ],
  // BOS, where nobody says
  ['shifted by one', PROMPT.slice(1), PROMPT, NOTHING, 'tokens-bos-missing', 0, /first id, 1, which is probably BOS/],
  ['the first one twice', [1, ...PROMPT], PROMPT, NOTHING, 'tokens-bos-doubled', 1, /probably BOS/],
  ['another one in front', [7, ...PROMPT], PROMPT, NOTHING, 'tokens-bos-unexpected', 0, /probably BOS/],
  ['shifted, but BOS is another id', [40, 41], [7, 40, 41], IDS, 'tokens-unknown', 0],
  ['shifted, but not to the end', [40, 41, 42, 9], PROMPT, NOTHING, 'tokens-unknown', 0],
  ['the same id over and over', [7, 7], [7, 7, 7], NOTHING, 'tokens-truncated', 2],
  // the leading space
  [
    'SPM: trimmed',
    spm('<s>', 'Hello', '▁world'),
    spm('<s>', '▁Hello', '▁world'),
    WITH_SPM,
    'tokens-leading-space',
    1,
    /lacks the space .* 5 \("Hello"\), the reference 4 \("▁Hello"\)/,
  ],
  [
    'SPM: trimmed, a token of its own',
    spm('<s>', 'Hello', '▁world'),
    spm('<s>', '▁', 'Hello', '▁world'),
    WITH_SPM,
    'tokens-leading-space',
    1,
  ],
  [
    'SPM: trimmed, and cut again',
    spm('<s>', 'Hel', 'lo', '!'),
    spm('<s>', '▁Hello', '!'),
    WITH_SPM,
    'tokens-leading-space',
    1,
  ],
  [
    'SPM: trimmed, and the rest is decoded',
    spm('<s>', 'Hello', '!'),
    spm('<s>', '▁Hello', '▁world'),
    WITH_SPM,
    'tokens-leading-space',
    1,
  ],
  [
    'SPM: added',
    spm('<s>', '▁Hello'),
    spm('<s>', 'Hello'),
    WITH_SPM,
    'tokens-leading-space',
    1,
    /has the space .* reference lacks/,
  ],
  [
    'SPM: without BOS, which is unknown',
    spm('Hello', '!'),
    spm('▁', 'Hello', '!'),
    { piece: (one) => SPM[one] },
    'tokens-leading-space',
    0,
  ],
  [
    'BPE: after a special token',
    bpe('<|begin_of_text|>', '<|user|>', 'Hello'),
    bpe('<|begin_of_text|>', '<|user|>', 'ĠHello'),
    WITH_BPE,
    'tokens-leading-space',
    2,
    /after a special token/,
  ],
  [
    'a plain space',
    [1, 5],
    [1, 4],
    { bos: 1, piece: (one) => ({ 4: ' Hi', 5: 'Hi' })[one] },
    'tokens-leading-space',
    1,
  ],
  [
    'not at the beginning of a text',
    spm('<s>', '!', 'Hello'),
    spm('<s>', '!', '▁Hello'),
    WITH_SPM,
    'tokens-unknown',
    2,
  ],
  ['without texts', [1, 5, 8], [1, 4, 8], IDS, 'tokens-unknown', 1, /often that is a leading space/],
  // another pre-tokenizer
  [
    'digits in groups',
    bpe('<|begin_of_text|>', '1', '23', 'Ġworld'),
    bpe('<|begin_of_text|>', '12', '3', 'Ġworld'),
    WITH_BPE,
    'tokens-other-pre-tokenizer',
    1,
    /the candidate has 9 \("1"\), 10 \("23"\), the reference 7 \("12"\), 8 \("3"\)/,
  ],
  [
    'a word in two',
    spm('<s>', '▁Hello', '▁wor', 'ld', '!'),
    spm('<s>', '▁Hello', '▁world', '!'),
    WITH_SPM,
    'tokens-other-pre-tokenizer',
    2,
    /from position 2/,
  ],
  [
    'and other decoded tokens',
    spm('<s>', '▁Hello', '▁wor', 'ld', '!'),
    spm('<s>', '▁Hello', '▁world', 'lo'),
    WITH_SPM,
    'tokens-other-pre-tokenizer',
    2,
  ],
  ['another text', spm('<s>', '▁Hello', '▁world'), spm('<s>', '▁Hello', '!'), WITH_SPM, 'tokens-unknown', 2],
  [
    'pieces without text',
    bpe('', 'Hello'),
    bpe('<|user|>', 'Hello'),
    { bos: 90, piece: (one) => BPE[one] },
    'tokens-unknown',
    0,
  ],
  [
    'without texts, in the middle',
    [1, 50, 51, 52, 60, 61],
    [1, 50, 53, 54, 55, 60, 61],
    IDS,
    'tokens-unknown',
    2,
    /has 6 tokens and the reference 7; the first 2 are the same, and the last 2\. .* has 51, 52 where the reference has 53, 54, 55\. .*pre-tokenizer/,
  ],
  // ends
  [
    'cut off',
    PROMPT.slice(0, 3),
    PROMPT,
    IDS,
    'tokens-truncated',
    3,
    /^The candidate ends after 3 tokens.* goes on with 42, 43/,
  ],
  ['the reference cut off', PROMPT, PROMPT.slice(0, 3), IDS, 'tokens-truncated', 3, /^The reference ends after 3/],
  ['nothing at all', [], PROMPT, IDS, 'tokens-truncated', 0, /^The candidate has no tokens; /],
  [
    'EOS after the prompt',
    [...PROMPT, 2],
    PROMPT,
    IDS,
    'tokens-eos-appended',
    5,
    /puts EOS, 2, after the prompt,? and/,
  ],
  ['EOS as padding', [...PROMPT, 2, 2, 2], PROMPT, IDS, 'tokens-eos-appended', 5, /3 times/],
  ['EOS between prompt and decoded tokens', [...PROMPT, 2, 7, 8], [...PROMPT, 5, 6], IDS, 'tokens-eos-appended', 5],
  ['EOS that only the reference has', PROMPT, [...PROMPT, 2], IDS, 'tokens-truncated', 5, /what it lacks is EOS, 2/],
  ['one more id, when nobody knows EOS', [...PROMPT, 2], PROMPT, NOTHING, 'tokens-truncated', 5],
  // decoded tokens
  [
    'other decoded tokens',
    [...PROMPT, 5, 7],
    [...PROMPT, 5, 6],
    { ...IDS, decoded: 2 },
    'tokens-decoded',
    6,
    /decoded token 2 the candidate chose 7 and the reference 6.*feed the candidate/,
  ],
  ['EOS in the place of another', [...PROMPT, 2, 7], [...PROMPT, 5, 6], IDS, 'tokens-unknown', 5],
  ['EOS was chosen', [...PROMPT, 2, 7], [...PROMPT, 5, 6], { ...IDS, decoded: 2 }, 'tokens-decoded', 5],
  [
    'other last tokens, prompt or not',
    [...PROMPT, 7],
    [...PROMPT, 6],
    IDS,
    'tokens-unknown',
    5,
    /chose other tokens: feed both the same/,
  ],
  // nothing in common
  ['another prompt', [9, 8, 7], [4, 5, 6], NOTHING, 'tokens-unknown', 0, /another vocabulary/],
];

describe('what differs is named, at its first position', () => {
  test.each(cases)('%s', (_, candidate, reference, about, cause, at, says = /./) => {
    const found = diagnoseTokens(candidate, reference, about);
    expect(found).toMatchObject({ id: cause, at });
    expect(found?.text).toMatch(says);
    expect(found?.text).toMatch(/^[A-Z].*[.]$/);
    expect(found?.title).not.toBe('');
  });

  test('a long difference is not listed to its end', () => {
    const many = Array.from({ length: 5000 }, (_, i) => i);
    const text = diagnoseTokens([], many, NOTHING)?.text ?? '';
    expect(text).toContain('0, 1, 2, 3, 4996 more');
  });

  test('a vocabulary that does not know an id says nothing of its text', () => {
    const found = diagnoseTokens([1, 99], [1, 4], { bos: 1, piece: (one) => SPM[one] });
    expect(found).toMatchObject({ id: 'tokens-unknown', at: 1 });
  });
});

test('over random prompts a fault is never named by another name', () => {
  const next = seeded();
  const random = (n: number) => Math.floor(next() * n);
  for (let run = 0; run < 500; run++) {
    const prompt = [1, ...Array.from({ length: 2 + random(20) }, () => 3 + random(50))];
    const named = (candidate: number[], about = IDS) => diagnoseTokens(candidate, prompt, about)?.id;
    expect(named(prompt.slice(1))).toBe('tokens-bos-missing');
    expect(named(prompt.slice(1), NOTHING)).toBe('tokens-bos-missing');
    expect(named([1, ...prompt])).toBe('tokens-bos-doubled');
    expect(named([1, ...prompt], NOTHING)).toBe('tokens-bos-doubled');
    expect(named([...prompt, 2])).toBe('tokens-eos-appended');
    expect(named(prompt.slice(0, 1 + random(prompt.length - 1)))).toBe('tokens-truncated');
    const changed = 1 + random(prompt.length - 1);
    expect(named(prompt.with(changed, 99))).toBe('tokens-unknown');
    expect(diagnoseTokens(prompt.with(changed, 99), prompt, IDS)?.at).toBe(changed);
  }
});
