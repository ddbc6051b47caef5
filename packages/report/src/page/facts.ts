import type { Report } from '@llama-probe/comparison';
import { type Checked, short } from '@llama-probe/diff';
import type { Fact, PageChecks, PageLogits } from '@llama-probe/page';
import { decodeText } from '../text/decode.js';
import { brokenLines, speech, tokensSaid } from '../words.js';

const MOST_BROKEN = 24;

/** What both sides say after the prompt. */
export function saidOf({ generated, reference, candidate }: Report): Fact[] {
  if (!generated) return [];
  return [
    [reference.name, speech(generated.reference)],
    [candidate.name, speech(generated.candidate)],
  ];
}

/** What is to be said about the choice of tokens. */
export function remarksOf({ decode, tokenDiagnosis }: Report): string[] {
  return [tokensSaid(tokenDiagnosis), ...decodeText(decode).split('\n')].filter((line) => line !== '');
}

export function logitsOf({ logits, top }: Report): PageLogits | null {
  if (!logits) return null;
  const side = (name: 'candidate' | 'reference') =>
    logits.topK[name].map(({ id, logit }, i) => ({ id, text: top?.[name][i] ?? null, logit: logit.toFixed(4) }));
  return { candidate: side('candidate'), reference: side('reference'), klDivergence: short(logits.klDivergence) };
}

/** What is broken of each side by itself: of each check and stage the first place. */
export function checksOf({ checks, candidate, reference }: Report): PageChecks[] {
  return [sideChecks(candidate.name, checks.candidate), sideChecks(reference.name, checks.reference)];
}

function sideChecks(side: string, checked: Checked): PageChecks {
  const lines = brokenLines(checked).map(({ text }) => text);
  const reasons = new Map<string, string>(checked.leftOut.map(({ check, reason }) => [check, `left out: ${reason}`]));
  return {
    side,
    broken: lines.slice(0, MOST_BROKEN),
    more: Math.max(0, lines.length - MOST_BROKEN),
    checked: Object.entries(checked.checked).map(
      ([name, rows]): Fact => [name, rows === 0 ? (reasons.get(name) ?? 'not looked at') : `${rows} rows`],
    ),
  };
}
