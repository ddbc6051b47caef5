import type { Lists, Recognised } from './lists.js';
import { tokenInWords as token, tokensInWords as tokens } from './spelling.js';

/** Another number of BOS at the beginning, where the vocabulary says which id it is. `rest` is what follows on both sides. */
export function knownBos(
  lists: Lists,
): (Recognised & { rest: { candidate: readonly number[]; reference: readonly number[] } }) | undefined {
  const { candidate, reference, about } = lists;
  const { bos } = about;
  if (bos === undefined || candidate.length === 0 || reference.length === 0) return undefined;
  const [ours, theirs] = [leading(candidate, bos), leading(reference, bos)];
  if (ours === theirs) return undefined;
  const name = token(bos, about);
  // [2, 15043] for [1, 15043]: another id stands in its place
  const replaced = ours === 0 && theirs === 1 && candidate.length > 1 && candidate[1] === reference[1];
  const rest = { candidate: candidate.slice(replaced ? 1 : ours), reference: reference.slice(theirs) };
  if (replaced) {
    const text = `The candidate begins with ${token(candidate[0] as number, about)}, the reference with BOS, ${name}. Look at which id the candidate takes for BOS: the model file has tokenizer.ggml.bos_token_id.`;
    return { id: 'tokens-bos-missing', text, rest };
  }
  if (ours === 0) {
    const text = `The candidate does not begin with BOS, ${name}, and the reference does: every position is one too low. Look at whether its tokenizer adds special tokens, and whether it heeds tokenizer.ggml.add_bos_token.`;
    return { id: 'tokens-bos-missing', text, rest };
  }
  if (theirs === 0) {
    const text = `The candidate begins with BOS, ${name}, and the reference does not. Look at tokenizer.ggml.add_bos_token: the model file may say that there is none.`;
    return { id: 'tokens-bos-unexpected', text, rest };
  }
  if (ours < theirs) {
    const text = `The reference begins with BOS, ${name}, ${times(theirs)} and the candidate ${times(ours)}. The prompt of the reference probably writes BOS out, and its tokenizer adds another: tokenise it without special tokens.`;
    return { id: 'tokens-bos-missing', text, rest };
  }
  const text = `The candidate begins with BOS, ${name}, ${times(ours)} and the reference ${times(theirs)}. A chat template that writes BOS out and a tokenizer that adds it give two: leave one of them out.`;
  return { id: 'tokens-bos-doubled', text, rest };
}

/** One id more or less at the beginning, where nobody says which id BOS is: all the rest must fit. */
export function guessedBos({ candidate, reference, about }: Lists): Recognised | undefined {
  if (about.bos !== undefined || candidate.length === 0 || reference.length === 0) return undefined;
  const [ours, theirs] = [candidate[0] as number, reference[0] as number];
  if (same(candidate, reference.slice(1))) {
    const text = `The candidate is the reference without its first id, ${token(theirs, about)}, which is probably BOS. Look at whether its tokenizer adds special tokens.`;
    return { id: 'tokens-bos-missing', text };
  }
  if (!same(candidate.slice(1), reference)) return undefined;
  const id = ours === theirs ? 'tokens-bos-doubled' : 'tokens-bos-unexpected';
  const what =
    ours === theirs
      ? 'once more; it is probably BOS. A chat template that writes BOS out and a tokenizer that adds it give two'
      : 'which the reference does not have; it is probably BOS. Look at tokenizer.ggml.add_bos_token';
  return { id, text: `The candidate is the reference with ${token(ours, about)} in front, ${what}.` };
}

/** One list is the beginning of the other. */
export function ending({ candidate, reference, at, about }: Lists): Recognised | undefined {
  const [side, longer] = candidate.length < reference.length ? ['candidate', reference] : ['reference', candidate];
  const other = side === 'candidate' ? 'reference' : 'candidate';
  if (at + longer.length !== candidate.length + reference.length) return undefined;
  const more = longer.slice(at);
  const areEos = about.eos !== undefined && more.every((id) => id === about.eos);
  if (areEos && side === 'reference') return eosAppended(more.length, token(about.eos as number, about));
  const ends = at === 0 ? 'has no tokens' : `ends after ${at} tokens, all of them the same`;
  const lost = areEos
    ? `what it lacks is EOS, ${tokens(more, about)}: look at tokenizer.ggml.add_eos_token`
    : `the ${other} goes on with ${tokens(more, about)}. Look at its limit of context or prompt length, and at how many tokens each side decoded`;
  return { id: 'tokens-truncated', text: `The ${side} ${ends}; ${lost}.` };
}

/** EOS after the prompt, and then what was decoded. */
export function eos({ candidate, reference, at, about }: Lists): Recognised | undefined {
  if (about.eos === undefined || candidate[at] !== about.eos) return undefined;
  if (candidate.length !== reference.length + 1) return undefined; // otherwise it was chosen
  return eosAppended(1, token(about.eos, about));
}

function eosAppended(count: number, name: string): Recognised {
  const text = `The candidate puts EOS, ${name}, after the prompt${count === 1 ? '' : `, ${times(count)}`}, and the reference does not: to the model the text is over. Look at whether its tokenizer adds special tokens at the end, or pads.`;
  return { id: 'tokens-eos-appended', text };
}

/** The prompts are the same. @param prompt how many ids */
export function decodedDiffer({ candidate, reference, at, about }: Lists, prompt: number): Recognised {
  const [ours, theirs] = [candidate[at], reference[at]];
  const which = `decoded token ${at - prompt + 1}`;
  const what =
    ours === undefined || theirs === undefined
      ? `the ${ours === undefined ? 'candidate' : 'reference'} has no ${which}`
      : `as ${which} the candidate chose ${token(ours, about)} and the reference ${token(theirs, about)}`;
  const text = `The prompts are the same; ${what}. From there on the two sides ran other inputs: feed the candidate the tokens of the reference, and compare how it gets to its choice.`;
  return { id: 'tokens-decoded', text };
}

/** The facts, where no cause is recognised. */
export function unknown({ candidate, reference, at, about }: Lists): Recognised {
  const end = commonEnd(candidate, reference, at);
  const parts = [candidate, reference].map((list) => tokens(list.slice(at, list.length - end), about));
  const begin = at === 0 ? 'they differ from the first id on' : `the first ${at} are the same`;
  const facts = `The candidate has ${candidate.length} tokens and the reference ${reference.length}; ${begin}${end > 0 ? `, and the last ${end}` : ''}. At position ${at} the candidate has ${parts[0]} where the reference has ${parts[1]}.`;
  return { id: 'tokens-unknown', text: `${facts} ${hint({ candidate, reference, at, about }, end)}` };
}

function hint({ candidate, reference, at, about }: Lists, end: number): string {
  const changed = Math.max(candidate.length, reference.length) - at - end;
  if (at === 0 && end === 0) return 'They may be other prompts, or ids of another vocabulary.';
  if (at <= 1 && end > 0 && changed <= 2 && !about.piece)
    return 'Only the first text differs: often that is a leading space that one side trims or adds.';
  if (end > 0 && !about.piece) return 'Often that is another pre-tokenizer: compare the texts of these ids.';
  if (end === 0 && at > 1 && about.decoded === undefined)
    return 'If that is after the prompt, the two sides chose other tokens: feed both the same.';
  return 'Give both sides the same ids.';
}

function leading(list: readonly number[], id: number): number {
  const end = list.findIndex((one) => one !== id);
  return end < 0 ? list.length : end;
}

function commonEnd(a: readonly number[], b: readonly number[], from: number): number {
  let end = 0;
  while (end < Math.min(a.length, b.length) - from && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return end;
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i]);

const times = (count: number): string => (count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`);
