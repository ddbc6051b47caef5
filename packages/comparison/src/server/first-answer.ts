import { type Answer, answerOf } from './answer.js';
import type { Client } from './client.js';
import { bodyOf, type Form, formName, type Wanted } from './forms.js';
import type { Question } from './question.js';
import type { Spelling } from './spelling.js';

export type Tried = { what: string; outcome: string }[];

const REFUSALS = new Set([400, 413, 422, 500]); // of what is asked, that less may help
const FEW = 5; // likely tokens, the most that OpenAI's completions take

/** An answer, and how it was asked for. */
export interface Found {
  readonly form: Form;
  readonly wanted: Wanted;
  readonly answer: Answer;
  /** Which of its places is the first token's; undefined where it has those of the decoded tokens only. */
  readonly begins: number | undefined;
}

/** The first answer in a form: with all that may be asked for, or with less where that was refused. */
export async function firstAnswer(
  client: Client,
  form: Form,
  { prompt, steps, top, model, tokens }: Question & { prompt: Wanted['prompt'] },
  spelling: Spelling,
  tried: Tried,
): Promise<Found | 'absent' | undefined> {
  const whole: Wanted = {
    prompt,
    model,
    most: steps + 1,
    top,
    temperature: 0,
    extras: form.path === '/v1/completions',
  };
  const less = [whole, { ...whole, extras: false }, { ...whole, extras: false, top: Math.min(top, FEW) }];
  const forms = form.echo ? [form, { ...form, echo: false }] : [form];
  for (const one of forms) {
    for (const wanted of less.filter((other, i) => i === 0 || JSON.stringify(other) !== JSON.stringify(less[i - 1]))) {
      const { status, json, said } = await client.post(one.path, bodyOf(one, wanted));
      const what = formName(one);
      if (status === 404 || status === 405 || status === 501) {
        tried.push({ what, outcome: `there is none (${status})${said === '' ? '' : `: ${said}`}` });
        return /model/i.test(said) && status === 404 ? undefined : 'absent';
      }
      if (REFUSALS.has(status)) {
        tried.push({ what: `${what}, ${wanted.top} likely tokens`, outcome: `refused (${status}): ${said}` });
        continue;
      }
      if (status !== 200) {
        tried.push({ what, outcome: `failed (${status}): ${said}` });
        break;
      }
      const answer = answerOf(json);
      const begins = answer && beginOf(answer, tokens, spelling);
      const wrong = answer ? unlike(answer, one, tokens.length, begins) : noAnswer(json, said);
      if (answer && wrong === undefined && begins !== 'other') {
        const isPlain = one.echo && begins === undefined;
        tried.push({ what, outcome: isPlain ? 'answered, without the places of the prompt' : 'answered' });
        return { form: { ...one, echo: begins !== undefined }, wanted, answer, begins };
      }
      tried.push({ what, outcome: wrong ?? '' });
      if (answer || json === undefined) return undefined;
      break;
    }
  }
  return undefined;
}

function noAnswer(json: unknown, said: string): string {
  if (json !== undefined) return 'answered without log-probabilities';
  const nan = /\b(NaN|Infinity)\b/.test(said) ? ' (it has NaN or infinities, which JSON has not)' : '';
  return `the answer is not JSON${nan}: ${said}`;
}

/** Why an answer is not one to the tokens that were sent. */
function unlike(
  { choices, promptTokens, places }: Answer,
  { prompt }: Form,
  sent: number,
  begins: number | 'other' | undefined,
): string | undefined {
  if (choices > 1) return `took the ids for ${choices} prompts`;
  if (begins === 'other')
    return `ran other tokens than llama.cpp: ${places
      .slice(0, 6)
      .map(({ token: { id, text } }) => id ?? JSON.stringify(text))
      .join(', ')}, … (probe tokenize shows llama.cpp's)`;
  // One more or less may be a BOS, which is looked into.
  if (prompt === 'ids' && promptTokens !== null && Math.abs(promptTokens - sent) > 1)
    return `ran ${promptTokens} tokens of ${sent} ids`;
  return undefined;
}

/**
 * Where the prompt is in an answer: an echo begins with a token that nothing comes before. One token more or less in front is a BOS, which is looked into. llama-server
 * takes echo for nothing, and answers without.
 *
 * @returns undefined where it is no echo, `other` where it is one of other tokens
 */
function beginOf({ places }: Answer, tokens: readonly number[], spelling: Spelling): number | 'other' | undefined {
  if (places[0]?.top.length !== 0) return undefined;
  const ids = places.map(({ token }) => spelling.idOf(token));
  const fits = (shift: number) =>
    places.length >= tokens.length + shift && tokens.every((id, i) => i + shift < 0 || (ids[i + shift] ?? id) === id);
  return [0, 1, -1].find(fits) ?? 'other';
}
