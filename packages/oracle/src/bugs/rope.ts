import { type Bug, bug, COMMON, each, only } from '../bug.js';
import { headsOf, type StageCase } from '../case.js';

const ROPE = ['q_rope', 'k_rope'] as const;
const FAR = 'more than one position, the more the better';
const other = (values: readonly number[], right: number): number[] => values.filter((value) => value !== right);

/** How Q and K are turned: which pairs, how fast, which of them. */
export const ROPE_BUGS: readonly Bug[] = [
  bug({
    id: 'rope-halves',
    title: 'RoPE turns the halves of a head, not neighbours',
    stages: ROPE,
    changes: 'Number j of a head is paired with j + head_dim / 2 in place of 2j with 2j + 1.',
    look: 'The rotation kernel: GGUF files of this architecture have Q and K permuted for neighbours (2j, 2j + 1).',
    source: 'huggingface/candle#3410',
    needs: 'a model that turns neighbours, and more than one position',
    variants: (c) => only({ rope: { pairs: 'halves' } }, !hasHalves(c)),
  }),
  bug({
    id: 'rope-neighbours',
    title: 'RoPE turns neighbours, not the halves of a head',
    stages: ROPE,
    changes: 'Number 2j of a head is paired with 2j + 1 in place of j with j + head_dim / 2.',
    look: 'The rotation kernel: Q and K are as they were trained, for halves (j, j + head_dim / 2), as Hugging Face and GGUF files of many architectures have them.',
    source: 'ikawrakow/ik_llama.cpp#2290',
    needs: 'a model that turns halves, and more than one position',
    variants: (c) => only({ rope: { pairs: 'neighbours' } }, hasHalves(c)),
  }),
  bug({
    id: 'rope-frequencies-order',
    title: 'The table of angles is laid out for other pairs than those that are turned',
    stages: ROPE,
    changes: 'Neighbours are turned with a table of concatenated halves, or halves with one of neighbours.',
    look: 'Where cos and sin are tabulated: concatenating the frequencies twice is for halves, repeating each is for neighbours.',
    source: COMMON,
    needs: FAR,
    variants: (c) => [
      ...only({ rope: { frequencies: 'halves' } }, !hasHalves(c)),
      ...only({ rope: { pairs: 'halves', frequencies: 'neighbours' } }),
    ],
  }),
  bug({
    id: 'rope-direction',
    title: 'RoPE turns the other way',
    stages: ROPE,
    changes: 'Every angle has the opposite sign.',
    look: 'The signs of the two sines: (a cos − b sin, a sin + b cos).',
    source: COMMON,
    needs: 'more than one position: position 0 is not turned',
    variants: () => only({ rope: { direction: -1 } }),
  }),
  bug({
    id: 'rope-missing',
    title: 'RoPE is not applied',
    stages: ROPE,
    changes: 'The rows stay as the projection made them.',
    look: 'Whether the rotation is called for Q and for K, writes where attention reads, and runs before K is stored.',
    source: COMMON,
    needs: 'more than one position: position 0 is not turned',
    variants: () => only({ rope: { times: 0 } }),
  }),
  bug({
    id: 'rope-twice',
    title: 'RoPE is applied twice',
    stages: ROPE,
    changes: 'Every angle is doubled.',
    look: 'Whether the rotation runs in place for Q and K more than once, or again when K is stored in the cache.',
    source: COMMON,
    needs: FAR,
    variants: () => only({ rope: { times: 2 } }),
  }),
  bug({
    id: 'rope-freqs-missing',
    title: 'The rope_freqs of Llama 3 are left out',
    stages: ROPE,
    changes: 'Angles are not divided by rope_freqs.weight, or are multiplied by it: slow pairs turn too fast.',
    look: 'Whether the loader reads rope_freqs.weight, and divides the angle of each pair by it.',
    source: 'ggml-org/llama.cpp#8676',
    needs: 'later positions: the pairs that it slows down turn slowly',
    variants: (c) =>
      c.model.weight('rope_freqs.weight')
        ? each('rope_freqs', ['missing', 'multiplied'] as const, (factors) => ({ rope: { factors } }))
        : [],
  }),
  bug({
    id: 'rope-theta',
    title: 'RoPE has another base frequency',
    stages: ROPE,
    changes: 'Angles come from another rope_freq_base: all pairs but the first turn too fast or too slow.',
    look: 'Whether llama.rope.freq_base is read, or 10000 is built in; its square root means an exponent of i / d for 2i / d.',
    source: 'lyogavin/airllm#368',
    needs: FAR,
    variants: ({ model: { config } }) =>
      each('rope_freq_base', other([10000, 500000, 1e6, 100000], config.ropeFreqBase), (base) => ({ rope: { base } })),
    search: {
      name: 'rope_freq_base',
      scale: 'log',
      range: () => [10, 1e8],
      right: (c) => c.model.config.ropeFreqBase,
      variation: (base) => ({ rope: { base } }),
    },
  }),
  bug({
    id: 'yarn-no-magnitude',
    title: "YaRN's magnitude factor is not applied",
    stages: ROPE,
    changes: 'Q and K are turned as they should be, but not multiplied by 1 + 0.1 · ln(factor): attention is too flat.',
    look: 'Whether cos and sin are multiplied by the magnitude (attention_factor, mscale), and whether it comes out as 1.',
    source: 'turboderp-org/exllamav3#259',
    needs: 'a model whose rope.scaling.type is yarn',
    variants: (c) => only({ rope: { yarn: 'no-magnitude' } }, isYarn(c)),
  }),
  bug({
    id: 'yarn-as-linear',
    title: 'YaRN is taken for linear scaling, or left out',
    stages: ROPE,
    changes:
      'All pairs turn by the position divided by the factor, the fast ones too; or none do; and there is no magnitude.',
    look: 'Whether rope.scaling.type is read: of yarn only the slow pairs are scaled.',
    source: COMMON,
    needs: 'a model whose rope.scaling.type is yarn',
    variants: (c) =>
      each('taken for', isYarn(c) ? (['linear', 'missing'] as const) : [], (yarn) => ({ rope: { yarn } })),
  }),
  bug({
    id: 'rope-scale',
    title: 'RoPE has another scaling factor',
    stages: ROPE,
    changes: 'Positions are divided by another rope.scaling.factor before they become angles.',
    look: 'Whether llama.rope.scaling.factor is read and divides the position; without it the factor is 1.',
    source: COMMON,
    needs: FAR,
    variants: ({ model: { config } }) => {
      const right = 1 / config.ropeFreqScale;
      const factors = other([...new Set([1, 1 / right, 2, 4, 8])], right);
      return each('rope.scaling.factor', factors, (factor) => ({ rope: { scale: 1 / factor } }));
    },
    search: {
      name: 'rope.scaling.factor',
      scale: 'log',
      range: () => [1 / 64, 64],
      right: (c) => 1 / c.model.config.ropeFreqScale,
      variation: (factor) => ({ rope: { scale: 1 / factor } }),
    },
  }),
  bug({
    id: 'rope-partial',
    title: 'Only a part of each head is turned, as a smaller head would be',
    stages: ROPE,
    changes: 'The first numbers of a head turn with frequencies counted over that part; the others stay.',
    look: 'Where the count of rotary dimensions comes from: partial_rotary_factor and rope.dimension_count of another model.',
    source: 'pie-project/pie#603',
    needs: FAR,
    variants: (c) => each('rope.dimension_count', parts(c), (dims) => ({ rope: { dims } })),
  }),
  bug({
    id: 'rope-partial-tail',
    title: 'The tail of each head is not turned',
    stages: ROPE,
    changes: 'The first numbers of a head, or its first pairs, turn as they should; the others stay.',
    look: 'The loop over pairs: where it ends, and whether a partial factor is read that this model does not have.',
    source: 'AI-Hypercomputer/maxtext#4616',
    needs: FAR,
    variants: (c) => [
      ...each('turned', parts(c), (dims) => ({ rope: { dims, dimsOf: 'head' } })),
      ...each('turned', hasHalves(c) ? parts(c) : [], (dims) => ({ rope: { dims, dimsOf: 'pairs' } })),
    ],
  }),
  bug({
    id: 'rope-across-heads',
    title: 'RoPE counts pairs over the whole row, not over a head',
    stages: ROPE,
    changes: 'Frequencies fall over all heads together: the first head turns too fast, the others hardly.',
    look: 'The index of the pair in the rotation kernel: it is taken modulo head_dim, and the exponent is divided by head_dim.',
    source: COMMON,
    needs: FAR,
    variants: (c) => only({ rope: { across: 'row' } }, headsOf(c) > 1 && !c.model.weight('rope_freqs.weight')),
  }),
  bug({
    id: 'rope-freq-not-per-head',
    title: "RoPE's frequency index runs on over the heads",
    stages: ROPE,
    changes:
      'Pair j of head h turns as pair h · head_dim / 2 + j would: only head 0 is right, and the later ones hardly turn.',
    look: 'The exponent of the frequency: −2j / head_dim with j counted within a head, so i % head_dim in a loop over the whole row.',
    source: COMMON,
    needs: FAR,
    variants: (c) => only({ rope: { index: 'runs-on' } }, headsOf(c) > 1 && !c.model.weight('rope_freqs.weight')),
  }),
  bug({
    id: 'rope-first-heads',
    title: 'Only the first heads are turned',
    stages: ROPE,
    changes: 'The other heads stay as the projection made them.',
    look: 'How many heads the rotation is dispatched for: Q has head_count of them, K has head_count_kv.',
    source: COMMON,
    needs: 'more than one position: position 0 is not turned',
    variants: (c) => {
      const heads = [c.model.config.headCountKv, headsOf(c) / 2, 1];
      const fewer = heads.filter((count) => Number.isInteger(count) && count < headsOf(c));
      return each('heads', [...new Set(fewer)], (count) => ({ rope: { heads: count } }));
    },
  }),
  bug({
    id: 'rope-on-values',
    title: 'RoPE is applied to V',
    stages: ['v_proj'],
    changes: 'The values are turned as if they were keys.',
    look: 'Which slices of a fused QKV the rotation covers: Q and K, never V.',
    source: COMMON,
    needs: 'more than one position: position 0 is not turned',
    variants: () => [...only({ rope: { applied: true } }), ...only({ rope: { applied: true, pairs: 'halves' } })],
  }),
];

const hasHalves = (c: StageCase): boolean => c.model.config.ropePairs === 'halves';

const isYarn = (c: StageCase): boolean => c.model.config.ropeYarn !== undefined;

/** Even parts of a head. */
const parts = ({ model: { config } }: StageCase): number[] =>
  [config.headDim / 2, config.headDim / 4, (3 * config.headDim) / 4].filter((dims) => dims >= 2 && dims % 2 === 0);
