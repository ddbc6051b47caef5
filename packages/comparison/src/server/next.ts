import { shellWord } from '../shell-word.js';
import type { FirstDeparting, ServerPosition, ServerReport } from './report.js';

interface Found {
  readonly first: FirstDeparting | null;
  readonly positions: readonly ServerPosition[];
  readonly causes: ServerReport['causes'];
  readonly asked: ServerReport['asked'];
  readonly tokens: readonly number[];
  readonly prompt: number;
  readonly file: string;
}

const UNTOUCHED = 1e-4;

/** What the place of the first departure says, in words; nothing of it was tried but what is said to be. */
export function pointsTo({ first, positions, causes, asked, prompt }: Found): readonly string[] {
  const { sent, ran } = asked.promptTokens;
  const counted =
    ran !== null && ran !== sent
      ? [
          `The server counts ${ran} tokens of the prompt, and llama.cpp ${sent}: look at BOS, the tokenizer, and what the server puts around a prompt.`,
        ]
      : [];
  if (!first || causes.length > 0) return counted;
  if (first.asPrompt?.agrees)
    return [
      ...counted,
      'The same tokens, asked as a prompt, agree: what is wrong is not the pass but decoding, that is the K and V cache, the positions or the mask of what is decoded.',
    ];
  if (first.from === 'decoded') return counted;
  const zero = positions.find(({ position }) => position === 0);
  if (asked.prompt !== 'ids' || !zero) return counted;
  const others = positions.filter(({ position }) => position < prompt);
  if (first.position === 0)
    return [
      ...counted,
      `Token 0 is apart already${others.every(({ kl, limit }) => kl > limit) ? ', and so is every other' : ''}. It sees no other token and is not turned by RoPE, so it points to the weights (another file, a dequantisation, an order of rows), norms, V and the output of attention, the feed-forward or the logits, and not to positions, scores, mask or cache.`,
    ];
  // Other weights leave it nearer than the rest by chance, and not by four orders of magnitude.
  if (zero.kl > UNTOUCHED * first.kl) return counted;
  return [
    ...counted,
    'Token 0 agrees, and it sees no other token and is not turned by RoPE: it points to what only later tokens need (RoPE, scores, mask, cache), or to the rows of single tokens in the embedding.',
  ];
}

/** The commands that go on from there. */
export function nextSteps({ first, causes, tokens, prompt, file }: Found): readonly string[] {
  if (!first || causes.some(({ id }) => id !== 'temperature')) return [];
  const model = `--model ${shellWord(file)}`;
  const prefix = tokens.slice(0, first.position + 1).join(',');
  if (first.asPrompt?.agrees) {
    const steps = first.position + 1 - prompt;
    return [
      `probe itself --engine 'YOUR COMMAND {tokens} {steps} {out}' ${model} --tokens ${tokens.slice(0, prompt).join(',')} --steps ${steps}`,
    ];
  }
  return [
    `probe compare --engine 'YOUR COMMAND {tokens} {out}' ${model} --tokens ${prefix} --steps 0`,
    `probe capture --from llama ${model} --tokens ${prefix} --steps 0 --out reference.arrow`,
    `probe diff mine.npz reference.arrow ${model}`,
  ];
}
