import { type Bug, bug, COMMON, each } from '../bug.js';
import type { StageCase } from '../case.js';
import { sectionOf, TEXT_HAS } from '../sections.js';
import type { RopeVariation, Variation } from '../variation.js';

const ROPE = ['q_rope', 'k_rope'] as const;
const SECTIONS = 'a model whose RoPE has sections, such as Qwen2-VL, and more than one position';

const hasSections = ({ model: { config } }: StageCase): boolean => config.ropeSections !== undefined;

/** Whether text leaves some pairs as they are. */
const hasSilentPairs = ({ model: { config } }: StageCase): boolean =>
  Array.from({ length: (config.ropeDims ?? config.headDim) / 2 }, (_, pair) => pair).some(
    (pair) => config.ropeSections && !TEXT_HAS[sectionOf(pair, config.ropeSections)],
  );

const ofSections = (sections: NonNullable<RopeVariation['sections']>): Variation => ({ rope: { sections } });

/** Which of a token's positions turns a pair. Before the bugs of any rotation: what leaves some pairs as they are may be both. */
export const ROPE_SECTION_BUGS: readonly Bug[] = [
  bug({
    id: 'rope-sections-of-text',
    title: 'Text has not all of its positions: pairs of other sections than the first stay',
    stages: ROPE,
    changes: 'A text token has its position in the first section alone, or in the first two; elsewhere it is 0.',
    look: 'The positions of text where a token has several: the same in time, height and width.',
    source: 'linkedin/Liger-Kernel#276',
    needs: SECTIONS,
    variants: (c) => each('sections turned', hasSections(c) ? (['first', 'first-two'] as const) : [], ofSections),
  }),
  bug({
    id: 'rope-sections-anew',
    title: "RoPE's frequencies begin anew in each section",
    stages: ROPE,
    changes: 'The first pair of each section turns as fast as the first pair of the head, as in a vision encoder.',
    look: 'The exponent of the frequency: −2j / head_dim with j counted over all sections; they only say which position it is of.',
    source: COMMON,
    needs: SECTIONS,
    variants: (c) => {
      const isTogether = hasSections(c) && c.model.config.ropeSections?.isInterleaved === false;
      return each('counted over', isTogether ? (['anew', 'anew-by-section'] as const) : [], ofSections);
    },
  }),
  bug({
    id: 'rope-sections',
    title: "RoPE's sections are left out, or in another order",
    stages: ROPE,
    changes: 'All pairs turn by one position, or the first section is taken for the last.',
    look: 'Whether rope.dimension_sections (mrope_section) is read: which pairs turn by time, height, width, and the fourth kind.',
    source: 'ml-explore/mlx-lm#1768',
    needs: `${SECTIONS}, a fourth of which text has no position: with text alone the others look the same in any order`,
    variants: (c) => each('sections', hasSilentPairs(c) ? (['ignored', 'reversed'] as const) : [], ofSections),
  }),
];
