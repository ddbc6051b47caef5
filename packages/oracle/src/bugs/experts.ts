import { type Bug, bug, COMMON, each, only, type Variant } from '../bug.js';
import { operationOf, type StageCase, tensorName, weightName } from '../case.js';
import { factorOf } from './left-out.js';
import { sameShape } from './weights.js';

const MIXTURE = 'a model with experts';
const UNIT = ['ffn_moe_swiglu_oai'] as const;
const BOUNDED = 'a model with bounded units, such as gpt-oss';

/** Whether a token goes through more than one expert. */
const hasSeveral = (c: StageCase, rows: number): boolean => rows > c.rows;

/** How many numbers an input has, where it is known. */
const sizeOf = (c: StageCase, input: number): number => {
  const { stage = '' } = operationOf(c).inputs[input] ?? {};
  return c.inputs[stage]?.length ?? Number.POSITIVE_INFINITY;
};

/** A router, and the experts that it chooses. */
export const EXPERT_BUGS: readonly Bug[] = [
  bug({
    id: 'router-bias-missing',
    title: 'The bias of the router is left out',
    stages: ['ffn_moe_probs'],
    changes: 'Experts are chosen and weighted by the product with ffn_gate_inp alone.',
    look: 'Whether ffn_gate_inp.bias is loaded and added before the experts are chosen.',
    source: 'pytorch/torchtitan#2319',
    needs: 'a model whose router has a bias, such as gpt-oss',
    variants: (c) => only({ product: { bias: 'missing' } }, operationOf(c).op === 'bias'),
  }),
  bug({
    id: 'expert-bias-unweighted',
    title: "The bias of each expert is not multiplied by the expert's weight",
    stages: ['ffn_moe_weighted'],
    changes: 'The bias of the down projection of every chosen expert is added as it is, after the weighting.',
    look: 'Where the routing weight is applied: to the down projection with its bias, not to what goes into it.',
    source: 'NVIDIA-NeMo/Automodel#2591',
    needs: 'a model whose experts have biases, such as gpt-oss',
    variants: (c) => {
      const { unbiased } = operationOf(c);
      return only(
        { experts: { bias: 'unweighted' } },
        unbiased !== undefined && c.inputs[unbiased.stage] !== undefined,
      );
    },
  }),
  bug({
    id: 'router-activation',
    title: "The router's logits go through another function",
    stages: ['ffn_moe_probs'],
    changes: 'Softmax over all experts in place of a sigmoid of each, the other way, or neither.',
    look: 'What the router applies before experts are chosen: the scoring_func of the model, and its expert_gating_func in a GGUF file.',
    source: 'MetaX-MACA/vLLM-metax#270',
    needs: MIXTURE,
    variants: (c) => {
      const others = (['softmax', 'sigmoid', 'nothing'] as const).filter((of) => of !== RIGHT[operationOf(c).op]);
      return each('function', RIGHT[operationOf(c).op] ? others : [], (router) => ({ experts: { router } }));
    },
  }),
  bug({
    id: 'expert-weights-normalised',
    title: 'The weights of the chosen experts are divided by their sum, or should be and are not',
    stages: ['ffn_moe_weights', 'ffn_moe_weights_norm'],
    changes:
      'The weights of a token add up to 1 where they should not, or the other way: all that experts say is too loud or too low.',
    look: 'norm_topk_prob: softmax over the chosen logits alone has the sum 1, softmax over all of them has not.',
    source: 'lablup/mlxcel#391',
    needs: 'a model with experts, of which a token goes through more than one',
    isInOneStage: true,
    variants: (c) =>
      operationOf(c).op === 'quotient'
        ? only({ experts: { normalised: 'missing' } })
        : only({ experts: { normalised: 'extra' } }, hasSeveral(c, sizeOf(c, 1))),
  }),
  bug({
    id: 'expert-factor-left-out',
    title: 'The weights of the experts are not multiplied by their factor, or twice',
    stages: ['ffn_moe_weights_scaled'],
    changes:
      "What the experts say goes into the residual stream without the model's routed scaling factor, or with its square.",
    look: 'Whether routed_scaling_factor (expert_weights_scale in a GGUF file) is applied once, whether weights are normalised or not.',
    source: 'sgl-project/sglang-jax#1282',
    needs: 'a model that has such a factor, such as DeepSeek',
    variants: (c) => factorOf(c, () => true),
  }),
  bug({
    id: 'expert-matrix',
    title: 'The matrices of another expert are read',
    stages: ['ffn_gate', 'ffn_up', 'ffn_out'],
    changes:
      'The place among those chosen is taken for the id of an expert, one expert does it all, or the next one is read.',
    look: 'The offset into the stacked weights: the id of the expert times the size of one matrix, and the id is what the router chose.',
    source: 'huggingface/transformers#43154',
    needs: MIXTURE,
    variants: (c) => {
      const { op, experts = 1 } = operationOf(c);
      const all = ['by-place', 'first', 'next'] as const;
      return each('matrix', op === 'expert-product' && experts > 1 ? all : [], (matrices) => ({
        experts: { matrices },
      }));
    },
  }),
  bug({
    id: 'expert-gate-up-exchanged',
    title: 'Gate and up of the experts are exchanged',
    stages: ['ffn_gate', 'ffn_up'],
    changes: "The experts' gate has the rows of their up, and the other way.",
    look: 'The names that w1 and w3 are loaded by, or the order of the two in one tensor.',
    source: COMMON,
    needs: MIXTURE,
    variants: (c) => {
      const [gate, up] = [tensorName(c, 'ffn_gate_exps'), tensorName(c, 'ffn_up_exps')];
      const weight = weightName(c) === gate ? up : gate;
      const isOfExperts = operationOf(c).op === 'expert-product';
      return only({ product: { weight } }, isOfExperts && sameShape(c.model.weight(gate), c.model.weight(up)));
    },
  }),
  bug({
    id: 'expert-bias',
    title: 'The bias of the experts is left out, or that of another expert is added',
    stages: ['ffn_moe_biased'],
    changes:
      'The product of each expert stays as it is, or the place among those chosen is taken for the id of an expert.',
    look: 'Whether the biases of the experts are loaded, and added by the id that the router chose.',
    source: 'huggingface/transformers#43154',
    needs: 'a model whose experts have biases, such as gpt-oss',
    variants: () => each('bias', ['missing', 'by-place'] as const, (bias) => ({ experts: { bias } })),
  }),
  bug({
    id: 'bounded-unit-bounds',
    title: 'Gate and up are not kept within their limit',
    stages: UNIT,
    changes: 'Neither is bounded, the gate is bounded from below too, or up alone is.',
    look: 'swiglu_limit: the gate is at most that, and up is within ± that.',
    source: 'sgl-project/sglang#39939',
    needs: `${BOUNDED}, and values beyond the limit`,
    variants: () =>
      each('bounds', ['missing', 'gate-below', 'up-alone'] as const, (bounds) => ({ activation: { bounds } })),
  }),
  bug({
    id: 'bounded-unit-raised',
    title: 'Up is not raised by one',
    stages: UNIT,
    changes: 'The gate is multiplied by up, in place of up + 1.',
    look: 'The step after the activation: gate · sigmoid(1.702 · gate) · (up + 1).',
    source: 'sgl-project/sglang#39939',
    needs: BOUNDED,
    variants: () => only({ activation: { raised: 'missing' } }),
  }),
  bug({
    id: 'bounded-unit-alpha',
    title: 'The gate goes through plain SiLU',
    stages: UNIT,
    changes: 'The gate is multiplied by 1 within the sigmoid, in place of 1.702.',
    look: 'The activation of the experts: sigmoid(1.702 · gate), as in the quick form of GELU.',
    source: 'vllm-project/llm-compressor#1705',
    needs: BOUNDED,
    variants: (c) => only({ activation: { alpha: 1 } }, operationOf(c).bounded?.alpha !== 1),
  }),
  bug({
    id: 'bounded-unit-halves',
    title: 'Gate and up of a bounded unit are taken apart wrongly',
    stages: UNIT,
    changes: 'Neighbours of one row are taken for a gate and its up where they are halves, or the two are exchanged.',
    look: 'How gate_up_proj is split: gpt-oss has gate and up in turn there, a GGUF file has them apart.',
    source: 'thinking-machines-lab/tinker-cookbook#459',
    needs: BOUNDED,
    variants: () => each('form', ['interleaved', 'exchanged'] as const, (combine) => ({ activation: { combine } })),
  }),
  bug({
    id: 'expert-weights-misplaced',
    title: 'The rows of the experts are weighted wrongly',
    stages: ['ffn_moe_weighted'],
    changes: 'They are not weighted, weighted twice, or with the weights in reverse.',
    look: 'Whether ids and weights of a token are sorted together, and where the weights are multiplied in.',
    source: 'huggingface/transformers#43154',
    needs: MIXTURE,
    variants: (c): Variant[] => {
      const several = hasSeveral(c, sizeOf(c, 1))
        ? (['missing', 'twice', 'reversed'] as const)
        : (['missing', 'twice'] as const);
      return each('weights', several, (weights) => ({ experts: { weights } }));
    },
  }),
  bug({
    id: 'expert-sum',
    title: 'Not all experts that a token goes through are added',
    stages: ['ffn_moe_out'],
    changes: 'Only the first is there, all but the last, or their mean.',
    look: 'The loop over the chosen experts, and what is done with the rows at its end: num_experts_per_tok of them are added.',
    source: 'JieShibo/MoLE#7',
    needs: 'a model with experts, of which a token goes through more than one',
    variants: (c) => {
      const { count = 1 } = operationOf(c);
      const all = ['first', 'without-last', 'mean'] as const;
      return each('added', count > 2 ? all : (['first', 'mean'] as const), (added) => ({ experts: { added } }));
    },
  }),
];

/** What a router's operation is, in the words of the variation. */
const RIGHT: Readonly<Partial<Record<string, 'softmax' | 'sigmoid' | 'nothing'>>> = {
  probabilities: 'softmax',
  sigmoid: 'sigmoid',
  bias: 'nothing', // experts are chosen by the logits, as in gpt-oss
};
