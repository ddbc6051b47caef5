import type { Diagnosis } from '../diagnose/diagnosis.js';
import { look, named } from './bug-in-words.js';

/** The sentences of a diagnosis, apart. */
export interface Told {
  /** The bug with its parameters; null where none is known. @example 'RoPE has another base frequency (rope_freq_base = 500000)' */
  readonly bug: string | null;
  /** What to change; empty where no bug is known. */
  readonly look: string;
  /** What speaks for it, and what against; or why nothing is known. */
  readonly evidence: string;
}

/**
 * What a diagnosis says, so that each part can stand where it is looked for.
 *
 * @example told(diagnosis).look === 'The rotation kernel.'
 */
export function told({ confidence, candidates: [best], text }: Diagnosis): Told {
  if (confidence === 'unknown' || !best) return { bug: null, look: '', evidence: text };
  const bug = named(best);
  const where = look(best);
  const evidence = text
    .replace('Likely, not confirmed: ', '')
    .replace(bug, '')
    .replace(where, '')
    .replace(/^(?:, in [^:]*)?: /, '')
    .replace(/ {2,}/g, ' ')
    .trim();
  return { bug, look: where.replace('Where to look: ', ''), evidence };
}
