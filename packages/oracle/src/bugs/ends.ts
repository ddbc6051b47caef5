import { type Bug, bug, COMMON, each, only } from '../bug.js';
import { factorOf } from './left-out.js';
import { sameShape } from './weights.js';

const HEAD = ['result_output'] as const;

/** Both ends of the model: the embedding and the head. */
export const END_BUGS: readonly Bug[] = [
  bug({
    id: 'embedding-scaled',
    title: 'The embedding is scaled',
    stages: ['embd'],
    changes: 'Rows are multiplied by √n_embd, as in Gemma, or by another factor.',
    look: 'A factor on the embedding, or on the residual stream before the first layer: this architecture has none.',
    source: 'huggingface/transformers#29402',
    // With a factor of the model's own it is that one that is left out, or applied twice.
    variants: (c) => {
      if (factorOf(c, (stage) => stage === 'embd').length > 0) return [];
      const root = Math.sqrt(c.model.config.embeddingLength);
      return each('scale', [root, 1 / root], (times) => ({ output: { times } }));
    },
    search: {
      name: 'embedding scale',
      scale: 'log',
      range: () => [1e-4, 1e4],
      right: () => 1,
      variation: (times) => ({ output: { times } }),
    },
  }),
  bug({
    id: 'embedding-id-offset',
    title: 'Each token has the embedding of another id',
    stages: ['embd'],
    changes: 'The row of the id before or after is looked up.',
    look: 'The index into the table, and whether special tokens were inserted before the others.',
    source: COMMON,
    variants: () => each('id offset', [1, -1], (idOffset) => ({ embedding: { idOffset } })),
  }),
  bug({
    id: 'embedding-from-head',
    title: 'The embedding is read from the head',
    stages: ['embd'],
    changes: 'Rows come from output.weight in place of token_embd.weight.',
    look: 'Which of the two tables is bound: this model has one for each end.',
    source: COMMON,
    needs: 'a model with a head of its own',
    variants: (c) => {
      const [embedding, head] = [c.model.weight('token_embd.weight'), c.model.weight('output.weight')];
      return only({ product: { weight: 'output.weight' } }, sameShape(embedding, head));
    },
  }),
  bug({
    id: 'head-empty',
    title: 'The head is empty',
    stages: HEAD,
    changes: 'All logits are 0, as where a tied head is never filled from the embedding.',
    look: 'The loader: a file without output.weight uses token_embd.weight for the head.',
    source: 'huggingface/transformers#43429',
    variants: () => only({ output: { zero: true } }),
  }),
  bug({
    id: 'head-from-embedding',
    title: 'The embedding is used as the head, though the model has one of its own',
    stages: HEAD,
    changes: 'Logits are products of token_embd.weight in place of output.weight.',
    look: 'The loader: output.weight wins over a tied head wherever the file has it.',
    source: 'pegainfer-project/pegainfer#544',
    needs: 'a model with a head of its own',
    variants: (c) => {
      const [embedding, head] = [c.model.weight('token_embd.weight'), c.model.weight('output.weight')];
      return only({ product: { weight: 'token_embd.weight' } }, sameShape(embedding, head));
    },
  }),
  bug({
    id: 'head-wrong-position',
    title: 'The logits of another position are read',
    stages: HEAD,
    changes: "A row equals another token's logits: the one before, after, the first, the last, or all in reverse.",
    look: 'The offset of the row that the head is applied to, or that is copied back: the last token of the step.',
    source: "rustorch's notes",
    needs: 'a prompt of more than one token',
    variants: (c) =>
      c.rows > 1 ? each('row', [-1, 1, 'first', 'last', 'reversed'] as const, (row) => ({ output: { row } })) : [],
  }),
  bug({
    id: 'logits-scaled',
    title: 'Logits are scaled',
    stages: HEAD,
    changes:
      'Logits are multiplied by a factor: a temperature of sampling, or the logit_scale of another architecture.',
    look: 'What happens to the logits between the head and where they are recorded: nothing should.',
    source: COMMON,
    variants: ({ model: { config } }) => {
      const root = Math.sqrt(config.embeddingLength);
      return each('factor', [1 / root, 1 / config.embeddingLength, root, 1 / 0.8, 1 / 0.7], (times) => ({
        output: { times },
      }));
    },
    search: {
      name: 'factor',
      scale: 'log',
      range: () => [1e-4, 1e4],
      right: () => 1,
      variation: (times) => ({ output: { times } }),
    },
  }),
];
