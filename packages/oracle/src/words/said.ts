import type { Diagnosis, Said, Suspect } from '../diagnose/diagnosis.js';
import { lookOf, named } from './bug-in-words.js';

/**
 * What is said where a bug explains the rows.
 *
 * @param proof what speaks for it @param then what these rows cannot tell it from
 * @param where the stages that it acts in, if those are not the one that is wrong
 * @example said('likely', suspect, 'recomputed … by 8.4e-1.').look === 'The rotation kernel.'
 */
export function said(
  confidence: 'confirmed' | 'likely',
  suspect: Suspect,
  proof: string,
  { then = [], where = '' }: { readonly then?: readonly string[]; readonly where?: string } = {},
): Said {
  const bug = named(suspect);
  const look = lookOf(suspect);
  const begin = confidence === 'likely' ? 'Likely, not confirmed: ' : '';
  return {
    confidence,
    bug,
    look,
    evidence: [proof, ...then].join(' '),
    text: [`${begin}${bug}${where && `, in ${where}`}: ${proof} Where to look: ${look}`, ...then].join(' '),
  };
}

/** A diagnosis with one more thing that speaks for it or against. */
export const saidToo = (diagnosis: Diagnosis, sentence: string): Diagnosis => ({
  ...diagnosis,
  evidence: `${diagnosis.evidence} ${sentence}`,
  text: `${diagnosis.text} ${sentence}`,
});

/** That nothing is known, and why. @example unknown('no bug of this stage is known.').text === 'Unknown: no bug of this stage is known.' */
export const unknown = (why: string, text = `Unknown: ${why}`): Diagnosis => ({
  confidence: 'unknown',
  bug: null,
  look: '',
  evidence: why,
  text,
  candidates: [],
  indistinguishable: [],
});
