import { type Bug, bug, COMMON, each, only, type Variant } from '../bug.js';
import { operationOf, type StageCase } from '../case.js';
import { onTheWay } from '../graph/on-the-way.js';
import type { StageOperation } from '../stage-operations.js';

/** The factors on the way to a case's rows: those of the rows of a stage. */
const factors = (c: StageCase): StageOperation[] => [...onTheWay(operationOf(c))].filter(({ op }) => op === 'scale');

/** The factor of a stage's rows on the way to a case's; undefined where there is none. */
export const factorOn = (c: StageCase, of: string): number | undefined =>
  factors(c).find(({ inputs }) => inputs[0]?.stage === of)?.factor;

/** Without the factor of a stage's rows, or with it twice. */
export function factorOf(c: StageCase, isMeant: (of: string) => boolean): Variant[] {
  const [stage] = factors(c).flatMap(({ inputs }) => inputs.map((input) => input.stage).filter(isMeant));
  return stage === undefined
    ? []
    : each('factor', ['missing', 'twice'] as const, (scale) => ({ step: { scale, of: stage } }));
}

/** Whether a soft-cap is on the way to a case's rows. */
export const hasSoftCap = (c: StageCase): boolean => [...onTheWay(operationOf(c))].some(({ op }) => op === 'soft-cap');

/** Steps that some architectures have between those of a Llama. */
export const LEFT_OUT_BUGS: readonly Bug[] = [
  bug({
    id: 'embedding-scale-left-out',
    title: 'The embedding is not multiplied by its factor, or twice',
    stages: ['embd', 'attn_rms', 'ffn_inp', 'ffn_rms', 'l_out'],
    changes:
      'The residual stream begins with the rows of the table as they are; in Gemma it begins with √n_embd times them.',
    look: 'Whether the rows of token_embd are multiplied before the first layer, once: the embedding module of some libraries does it already.',
    source: 'marin-community/levanter#978',
    needs: 'a model that has such a factor, such as Gemma',
    variants: (c) => factorOf(c, (stage) => stage === 'embd'),
  }),
  bug({
    id: 'residual-factor-left-out',
    title: 'What a layer adds is not multiplied by its factor, or twice',
    stages: ['ffn_inp', 'l_out'],
    changes:
      "The residual stream takes attention's or the feed-forward half's output without the model's residual multiplier.",
    look: 'Whether residual_multiplier (residual_scale in a GGUF file) is read, and applied to what is added and not to the residual stream.',
    source: COMMON,
    needs: 'a model that has such a factor, such as Granite',
    variants: (c) => factorOf(c, (stage) => stage === 'attn_out' || stage === 'ffn_out'),
  }),
  bug({
    id: 'soft-cap-left-out',
    title: 'The soft-cap of the model is left out',
    stages: ['kq_soft_max', 'result_output'],
    changes: 'Scores or logits are used as they are, in place of cap · tanh(x / cap).',
    look: 'Whether attn_logit_softcapping and final_logit_softcapping are read and reach the attention kernel; a fused one may have no such step.',
    source: 'vllm-project/vllm-metal#665',
    needs: 'scores or logits that are not small against the cap',
    variants: (c) => only({ step: { softCap: 'missing' } }, hasSoftCap(c)),
  }),
];
