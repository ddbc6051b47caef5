import { type Bug, bug, COMMON, each, only, type Variant } from '../bug.js';
import { operationOf, type StageCase, tensorName, weightName } from '../case.js';
import type { Activation } from '../variants/activations.js';
import { sameShape } from './weights.js';

const SWIGLU = ['ffn_swiglu'] as const;

/** Other activations, of a model that has SiLU. */
const ofSilu = (c: StageCase, name: string, others: readonly Activation[]): Variant[] =>
  each(name, (operationOf(c).activation ?? 'silu') === 'silu' ? others : [], (of) => ({ activation: { of } }));

/** Whether there is an up that the activation is multiplied with. */
const isGated = (c: StageCase): boolean => operationOf(c).op === 'swiglu';

/** The feed-forward half: activation, gate and up. */
export const FFN_BUGS: readonly Bug[] = [
  bug({
    id: 'activation-gelu',
    title: 'GELU in place of SiLU',
    stages: SWIGLU,
    changes: 'The gate goes through GELU, by erf, by tanh or by the sigmoid of 1.702 x.',
    look: 'The activation of the feed-forward half: hidden_act is silu here.',
    source: 'huggingface/candle#3745',
    variants: (c) => ofSilu(c, 'activation', ['gelu-tanh', 'gelu-erf', 'gelu-quick', 'gelu-pade']),
  }),
  bug({
    id: 'activation-of-gelu',
    title: 'Another activation in place of GELU',
    stages: SWIGLU,
    changes: 'The gate goes through SiLU, through GELU of another form, or through something else.',
    look: 'The activation of the feed-forward half: it is GELU here, as in Gemma, whose hidden_activation is gelu_pytorch_tanh.',
    source: 'huggingface/candle#3745',
    needs: 'a model whose activation is GELU, such as Gemma',
    variants: (c) => {
      const { activation: own = 'silu' } = operationOf(c);
      const all = ['silu', 'gelu-tanh', 'gelu-erf', 'gelu-quick', 'relu', 'sigmoid', 'identity'] as const;
      const others = own.startsWith('gelu') ? all.filter((of) => of !== own) : [];
      return each('activation', others, (of) => ({ activation: { of } }));
    },
  }),
  bug({
    id: 'activation-relu',
    title: 'ReLU in place of SiLU',
    stages: SWIGLU,
    changes: 'The gate goes through ReLU or its square.',
    look: 'The activation of the feed-forward half: hidden_act is silu here.',
    source: COMMON,
    variants: (c) => ofSilu(c, 'activation', ['relu', 'relu-squared']),
  }),
  bug({
    id: 'activation-part',
    title: 'A part of SiLU is missing',
    stages: SWIGLU,
    changes: 'The gate goes through its sigmoid alone, through tanh, or through nothing.',
    look: 'The activation: x / (1 + e⁻ˣ), the x above the line too.',
    source: COMMON,
    variants: (c) => ofSilu(c, 'activation', ['sigmoid', 'identity', 'tanh']),
  }),
  bug({
    id: 'activation-approximated',
    title: 'SiLU is approximated crudely',
    stages: SWIGLU,
    changes: 'The sigmoid is a clamped line, a cubic, a rational function: up to 17 % off between 1 and 3.',
    look: 'The exponential or tanh of the activation: a fast approximation whose range is too small.',
    source: '1bit-MONSTER/1bit-MONSTER#1350',
    variants: (c) =>
      ofSilu(c, 'sigmoid', [
        'silu-cubic',
        'silu-hard',
        'silu-hard-fifth',
        'silu-quarter',
        'silu-rational',
        'silu-pade',
        'silu-series',
      ]),
  }),
  bug({
    id: 'gate-up-exchanged',
    title: 'Gate and up are exchanged',
    stages: ['ffn_gate', 'ffn_up', 'ffn_swiglu'],
    changes: 'ffn_gate has the rows of ffn_up and the other way, or up goes through SiLU in place of gate.',
    look: 'The order of the two halves where gate and up are one tensor, or the names they are loaded by.',
    source: COMMON,
    isInOneStage: true,
    variants: (c) => {
      const { op } = operationOf(c);
      if (op === 'swiglu' || op === 'activation') return only({ activation: { combine: 'exchanged' } }, isGated(c));
      const [gate, up] = [tensorName(c, 'ffn_gate'), tensorName(c, 'ffn_up')];
      const weight = weightName(c) === gate ? up : gate;
      return only({ product: { weight } }, sameShape(c.model.weight(gate), c.model.weight(up)));
    },
  }),
  bug({
    id: 'gate-up-combined',
    title: 'Gate and up are put together wrongly',
    stages: SWIGLU,
    changes: 'silu(gate) stands alone, up is added to it, or SiLU is taken of the product.',
    look: 'The step after the activation: silu(gate) · up.',
    source: COMMON,
    variants: (c) =>
      each('form', isGated(c) ? (['up-missing', 'added', 'of-product'] as const) : [], (combine) => ({
        activation: { combine },
      })),
  }),
  bug({
    id: 'gate-up-interleaved',
    title: 'A fused gate and up is read in turn, not in halves',
    stages: SWIGLU,
    changes: 'Neighbours of the row (gate, up) are taken for a gate and its up.',
    look: 'How the output of a fused gate-up product is split: gate is the first half of the row, up the second.',
    source: COMMON,
    variants: (c) => only({ activation: { combine: 'interleaved' } }, isGated(c)),
  }),
];
