import type { Finding } from '@llama-probe/comparison/ask';
import { type Annotation, annotationsOf } from './annotations.js';
import { shown } from './tame.js';

const LEVELS = { error: 'error', warning: 'warning', notice: 'info' } as const;

/**
 * A line for each thing to say, as compilers write them: editors go from such a line to the code. What no line of code is known of has
 * the tool's name in its place.
 *
 * @example 'src/attention.rs:212: error: RoPE turns the halves of a head, not neighbours: q_rope, layer 2 (model.gguf): where to look: …'
 */
export const problems = (findings: readonly Finding[]): string =>
  findings
    .flatMap(annotationsOf)
    .flatMap(linesOf)
    .map((line) => `${line}\n`)
    .join('');

function linesOf({ level, title, message, sources }: Annotation): string[] {
  const [first = ''] = message.split('\n');
  const places = sources.length === 0 ? ['llama-probe'] : sources.map((one) => (/:\d+$/.test(one) ? one : `${one}:1`));
  return places.map((place) => shown(`${place}: ${LEVELS[level]}: ${title}: ${first}`));
}
