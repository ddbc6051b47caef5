import type { Comparison } from '@llama-probe/diff';
import type { Plan } from './plan.js';
import type { Report } from './report.js';
import type { Side, TextTools } from './side.js';

/** What both sides say, and how their likeliest tokens are spelled. */
export type Texts = Pick<Report, 'generated' | 'top'>;

/** @param text undefined where nobody can spell: then ids are all there is, and only of sides that choose */
export async function textsOf(
  candidate: Side,
  { run, unwatched, tokens }: Plan,
  { greedy, logits }: Comparison,
  generated: readonly number[],
  text: TextTools | undefined,
): Promise<Texts> {
  const last = run.tokens.at(-1);
  const spell = async (ids: readonly number[]) =>
    text && last !== undefined ? await text.continuation(last, ids) : null;
  const said = async (ids: readonly number[]) => ({ tokens: ids, text: await spell(ids) });
  const both = unwatched
    ? { candidate: await ownChoices(candidate, run, unwatched.generated, generated), reference: unwatched.generated }
    : text && recordedChoices(greedy);
  const top = logits?.topK;
  const isSpelled = top !== undefined && (unwatched !== undefined || text !== undefined) && tokens.reference.length > 0;
  return {
    generated: both ? { candidate: await said(both.candidate), reference: await said(both.reference) } : null,
    top: isSpelled
      ? {
          candidate: await Promise.all(top.candidate.map(({ id }) => spell([id]))),
          reference: await Promise.all(top.reference.map(({ id }) => spell([id]))),
        }
      : null,
  };
}

/** What the candidate says when it is fed its own choices: the same as long as they are the reference's. */
async function ownChoices(
  candidate: Side,
  { tokens, ubatch, signal }: Plan['run'],
  reference: readonly number[],
  fed: readonly number[],
): Promise<readonly number[]> {
  if (fed.join() === reference.join() || candidate.recorded) return fed;
  const run = candidate.run({ tokens, ubatch, steps: reference.length - 1, stages: [], signal });
  for await (const _ of run.tensors);
  return (await run.result).generated;
}

/** What the logits of two recorded runs choose, as far as both were fed the same: to the candidate's first other choice. */
function recordedChoices(greedy: Comparison['greedy']) {
  const steps = [...greedy].sort((a, b) => a.step - b.step).filter(({ step }, i) => step === i);
  if (steps.length === 0) return null;
  const other = steps.findIndex(({ candidate, reference }) => candidate !== reference);
  return {
    candidate: steps.slice(0, other < 0 ? undefined : other + 1).map(({ candidate }) => candidate),
    reference: steps.map(({ reference }) => reference),
  };
}
