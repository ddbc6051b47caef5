import type { ScaleReading } from '../block-parts.js';
import type { QuantizedType } from '../blocks.js';
import { type Bug, bug, COMMON, each } from '../bug.js';
import type { StageCase } from '../case.js';
import { PRODUCT_STAGES } from '../stage-operations.js';
import { ownWeight } from './weights.js';

const WEIGHTS = ['embd', ...PRODUCT_STAGES];

const FLOATS_OF_4: readonly QuantizedType[] = ['MXFP4', 'NVFP4'];
const TABLE: readonly QuantizedType[] = ['IQ4_NL', 'IQ4_XS', ...FLOATS_OF_4];
const K_QUANTS: readonly QuantizedType[] = ['Q4_K', 'Q5_K', 'Q6_K'];
const NIBBLES: readonly QuantizedType[] = ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', ...K_QUANTS, ...TABLE];
const TWO_BITS: readonly QuantizedType[] = ['Q2_K', 'Q3_K', 'TQ2_0'];
const EIGHTHS: readonly QuantizedType[] = ['IQ1_S', 'IQ1_M'];
const HIGH_OF_POINTS: readonly QuantizedType[] = ['IQ2_S', 'IQ3_S', ...EIGHTHS];
const SEVEN_SIGNS: readonly QuantizedType[] = ['IQ2_XXS', 'IQ2_XS', 'IQ3_XXS'];
const SIGNS: readonly QuantizedType[] = [...SEVEN_SIGNS, 'IQ2_S', 'IQ3_S'];
const TERNARY: readonly QuantizedType[] = ['Q2_0', 'TQ1_0', 'TQ2_0'];
const HIGH_BITS: readonly QuantizedType[] = ['Q3_K', 'Q5_0', 'Q5_1', 'Q5_K', 'Q6_K', ...HIGH_OF_POINTS];
const EXCESS: readonly QuantizedType[] = ['Q4_0', 'Q5_0', 'Q3_K', 'Q6_K'];
const MINIMA: readonly QuantizedType[] = ['Q4_1', 'Q5_1', 'Q2_K', 'Q4_K', 'Q5_K'];
const NO_HALF: readonly QuantizedType[] = ['F32', 'F16', 'BF16', ...FLOATS_OF_4];
const PLAIN: readonly QuantizedType[] = ['F32', 'F16', 'BF16'];

/** How the scales of sub-blocks may be misread. */
const SCALES: Partial<Record<QuantizedType, readonly ScaleReading[]>> = {
  Q2_K: ['low-exchanged', 'by-32', 'first'],
  Q3_K: ['low-bits', 'unsigned', 'by-32', 'first'],
  Q6_K: ['by-32', 'unsigned', 'first'],
  IQ4_XS: ['low-bits', 'unsigned', 'first'],
  NVFP4: ['first'],
};

const SIX_BITS: readonly ScaleReading[] = [
  'plain',
  'low-bits',
  'low-bits-of-scales',
  'low-bits-of-minima',
  'high-exchanged',
  'low-exchanged',
  'stream',
  'stream-of-pairs',
  'first',
];

/** The values of a table for the type of the case's weight. */
const forType = <T>(c: StageCase, types: readonly QuantizedType[], values: readonly T[]): readonly T[] => {
  const weight = ownWeight(c);
  return weight && types.includes(weight.type) ? values : [];
};

/** How the blocks of a quantised weight are read. */
export const QUANT_BUGS: readonly Bug[] = [
  bug({
    id: 'nibble-order',
    title: 'Nibbles are read in another order',
    stages: WEIGHTS,
    changes: 'Weights are exchanged within each block: neighbours from one byte, or the high nibbles first.',
    look: 'Unpacking: of a block of 32, weights 0 … 15 are the low nibbles and 16 … 31 the high; of K-quants, runs of 32.',
    source: 'paiml/aprender#2069',
    needs: 'a weight of a 2-, 3-, 4-, 5- or 6-bit type',
    variants: (c) => [
      ...each('nibbles', forType(c, NIBBLES, ['adjacent', 'swapped'] as const), (nibbles) => ({
        product: { reading: { nibbles } },
      })),
      ...each('pairs of bits', forType(c, TWO_BITS, ['adjacent'] as const), (nibbles) => ({
        product: { reading: { nibbles } },
      })),
      ...each('nibbles', forType(c, K_QUANTS, ['by-32'] as const), (nibbles) => ({
        product: { reading: { nibbles } },
      })),
    ],
  }),
  bug({
    id: 'quant-high-bits',
    title: 'The bits above the nibbles are left out, or read in another order',
    stages: WEIGHTS,
    changes: 'The uppermost bits of each weight are 0, or those of another weight.',
    look: 'Unpacking qh or hmask: a bit (two for Q6_K) for each weight, or more for a point, in the order that the type has.',
    source: COMMON,
    needs: 'a weight of a 3-, 5- or 6-bit type, or of IQ1_S, IQ1_M, IQ2_S or IQ3_S',
    variants: (c) => [
      ...each('high bits', forType(c, HIGH_BITS, ['missing'] as const), (high) => ({ product: { reading: { high } } })),
      ...each('high bits', forType(c, ['Q3_K', 'Q5_K', 'Q6_K'], ['consecutive'] as const), (high) => ({
        product: { reading: { high } },
      })),
    ],
  }),
  bug({
    id: 'quant-excess',
    title: "The excess of a quant is read as two's complement, or the other way",
    stages: WEIGHTS,
    changes:
      'Weights are off by the excess (1 of Q2_0, TQ1_0 and TQ2_0, 4 of Q3_K, 8 of Q4_0, 16 of Q5_0, 32 of Q6_K), all of them or half of them.',
    look: "Unpacking: nibble − 8, not a sign-extended nibble; of Q8_0 it is the int8's own sign.",
    source: '1bit-MONSTER/1bit-MONSTER#572',
    needs: 'a weight of Q2_0, TQ1_0, TQ2_0, Q3_K, Q4_0, Q5_0, Q6_K or Q8_0',
    variants: (c) => [
      ...each('read as', forType(c, EXCESS, ['twos-complement', 'none'] as const), (excess) => ({
        product: { reading: { excess } },
      })),
      ...each('read as', forType(c, TERNARY, ['none'] as const), (excess) => ({ product: { reading: { excess } } })),
      ...each('read as', forType(c, ['Q8_0'], ['excess-128', 'uint8'] as const), (as) => ({
        product: { reading: { excess: as === 'uint8' ? 'unsigned' : 'none' } },
      })),
    ],
  }),
  bug({
    id: 'k-quant-scales',
    title: 'The scales of the sub-blocks are unpacked wrongly',
    stages: WEIGHTS,
    changes: 'Some of the sub-blocks have wrong scales and minima: those from the fourth on, or all but the first.',
    look: 'Unpacking 12 bytes into eight 6-bit scales and minima: 4 … 7 are four bits at the end and two above 0 … 3.',
    source: 'paiml/aprender#2141',
    needs: 'a weight of a K-quant, IQ4_XS or NVFP4',
    variants: (c) => [
      ...each('scales', forType(c, ['Q4_K', 'Q5_K'], SIX_BITS), (scales) => ({ product: { reading: { scales } } })),
      ...each('scales', SCALES[ownWeight(c)?.type ?? 'F32'] ?? [], (scales) => ({ product: { reading: { scales } } })),
    ],
  }),
  bug({
    id: 'block-minimum',
    title: 'The minimum of a block is left out, or has the wrong sign',
    stages: WEIGHTS,
    changes: 'Every weight of a block is off by the same amount.',
    look: 'Unpacking: scale · quant + m for Q4_1 and Q5_1, scale · quant − minimum for Q2_K, Q4_K and Q5_K, scale · (quant ± 1/8) for IQ1_S and IQ1_M.',
    source: COMMON,
    needs: 'a weight of Q4_1, Q5_1, Q2_K, Q4_K, Q5_K, IQ1_S or IQ1_M',
    variants: (c) => [
      ...each('minimum', forType(c, MINIMA, ['missing', 'opposite'] as const), (minimum) => ({
        product: { reading: { minimum } },
      })),
      ...each('eighth', forType(c, EIGHTHS, ['missing'] as const), (minimum) => ({
        product: { reading: { minimum } },
      })),
    ],
  }),
  bug({
    id: 'block-scale-type',
    title: 'The scale of a block is not read as a half',
    stages: WEIGHTS,
    changes: 'The two bytes of the scale are taken for a bfloat, or subnormal halves for 0.',
    look: 'Where the scale becomes f32: IEEE half with its subnormals, which small scales need.',
    source: COMMON,
    needs: 'a quantised weight, but of MXFP4 or NVFP4; for subnormals, scales below 6e-5',
    variants: (c) => {
      const readings = NO_HALF.includes(ownWeight(c)?.type ?? 'F32') ? [] : (['bf16', 'flushed'] as const);
      return each('scale', readings, (half) => ({ product: { reading: { half } } }));
    },
  }),
  bug({
    id: 'quant-table',
    title: 'The table of a type is not looked up, or is another',
    stages: WEIGHTS,
    changes: 'Each weight is that of the nibble itself, less 8; or twice what it should be.',
    look: "Unpacking IQ4_NL, IQ4_XS, MXFP4 and NVFP4: a nibble is an index. ggml's table of the last two has twice the values, and its scales are halved.",
    source: COMMON,
    needs: 'a weight of IQ4_NL, IQ4_XS, MXFP4 or NVFP4',
    variants: (c) => [
      ...each('table', forType(c, TABLE, ['linear'] as const), (table) => ({ product: { reading: { table } } })),
      ...each('table', forType(c, FLOATS_OF_4, ['doubled'] as const), (table) => ({ product: { reading: { table } } })),
    ],
  }),
  bug({
    id: 'quant-signs',
    title: 'The signs of an i-quant are left out, or the eighth of them is',
    stages: WEIGHTS,
    changes: 'Weights that should be negative are not: all of them, or of each eight the last.',
    look: 'Unpacking the signs: seven bits for eight weights, the eighth makes their number even (ksigns_iq2xs); IQ2_S and IQ3_S have all eight.',
    source: COMMON,
    needs: 'a weight of IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS or IQ3_S',
    variants: (c) => [
      ...each('signs', forType(c, SIGNS, ['missing'] as const), (signs) => ({ product: { reading: { signs } } })),
      ...each('signs', forType(c, SEVEN_SIGNS, ['seven'] as const), (signs) => ({ product: { reading: { signs } } })),
    ],
  }),
  bug({
    id: 'weight-type',
    title: 'The weight is read as raw floats, or as another type',
    stages: WEIGHTS,
    changes: "The tensor's bytes are taken for f32, f16 or bf16 numbers in a row.",
    look: "The tensor's type where it is loaded: a type that is not known must be refused, not copied.",
    source: 'paiml/aprender#2071',
    variants: (c) => {
      const own = ownWeight(c)?.type;
      return each('type', own ? PLAIN.filter((type) => type !== own) : [], (type) => ({ product: { type } }));
    },
  }),
];
