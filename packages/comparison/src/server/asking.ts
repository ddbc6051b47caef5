import type { Progress } from '../progress.js';
import { answerOf, type Place } from './answer.js';
import type { Client } from './client.js';
import { ServerError } from './errors.js';
import { type Found, firstAnswer, type Tried } from './first-answer.js';
import { bodyOf, FORMS, type Form } from './forms.js';
import type { Question } from './question.js';
import { type Sparse, sparseOf } from './sparse.js';
import type { Spelling } from './spelling.js';

export interface Asked {
  readonly form: Form;
  /** Whether the prompt's places came in one answer, or one by one; none of a chat. */
  readonly way: 'echo' | 'steps' | 'chat';
  readonly temperature: number;
  readonly top: number;
  /** What the server says after each position. */
  readonly rows: ReadonlyMap<number, Sparse>;
  /** What it decoded, as far as it can be told which tokens those are. */
  readonly generated: readonly number[];
  /** How the server counts the prompt. */
  readonly promptTokens: number | null;
  readonly tokensAs: 'ids' | 'bytes' | 'text';
  /** Positions at which no answer could be had. */
  readonly missing: number;
  readonly tried: readonly { readonly what: string; readonly outcome: string }[];
  /** What follows one prefix, asked again as a prompt. */
  again(tokens: readonly number[]): Promise<Sparse | undefined>;
}

/** @throws ServerError where the server gives no log-probabilities in any form */
export async function ask(client: Client, question: Question, spelling: Spelling, progress: Progress): Promise<Asked> {
  const tried: Tried = [];
  const prompts = { ids: question.tokens, text: await question.textOf(question.tokens), chat: question.message };
  const absent = new Set<string>(); // endpoints
  for (const form of FORMS) {
    const prompt = prompts[form.prompt];
    if (absent.has(form.path) || prompt === undefined) continue;
    progress.say(`asking ${client.address}${form.path}`);
    const found = await firstAnswer(client, form, { ...question, prompt }, spelling, tried);
    if (found === 'absent') absent.add(form.path);
    else if (found) return await rest(client, question, spelling, { ...found, tried }, progress);
  }
  const all = tried.map(({ what, outcome }) => `\n  ${what}: ${outcome}`).join('');
  throw new ServerError(
    'server-answer',
    `${client.address} gave no log-probabilities.${all}\nWanted an endpoint of OpenAI's (/v1/completions with "logprobs"), of llama-server (/completion with "n_probs"), or with --chat /v1/chat/completions with "top_logprobs"; some servers have to be started with an option for it.`,
  );
}

/** All other places. */
async function rest(
  client: Client,
  question: Question,
  spelling: Spelling,
  found: Found & { tried: Tried },
  progress: Progress,
): Promise<Asked> {
  const { form, tried, begins } = found;
  const { tokens, last = tokens.length } = question;
  const firstAsked = Math.max(0, tokens.length - last); // a position
  let { wanted, answer } = found;
  const decodedFrom = begins === undefined ? 0 : tokens.length + begins;
  if (answer.places.slice(decodedFrom).every(isCertain)) {
    // It says what is left of the probabilities at temperature 0.
    const warm = { ...wanted, temperature: 1 };
    const { status, json } = await client.post(form.path, bodyOf(form, warm));
    const again = status === 200 ? answerOf(json) : undefined;
    tried.push({ what: 'temperature 0', outcome: 'all probability is on one token: asked again at temperature 1' });
    if (again) [wanted, answer] = [warm, again];
  }
  // Numbers from after a greedy choice say nothing of what they were before.
  const isSilent = answer.places.length > decodedFrom && answer.places.slice(decodedFrom).every(isCertain);
  if (isSilent && !form.echo)
    throw new ServerError(
      'server-answer',
      `${client.address} puts all probability on one token, at temperature 1 too: its numbers are those after a choice. Wanted those from before sampling; some servers have an option for it.`,
    );
  spelling.learn(answer.places.flatMap(({ token, top }) => [token, ...top]));
  const rows = new Map<number, Sparse>();
  const keep = (position: number, place: Place | undefined) => {
    const row = place && sparseOf(place, spelling);
    if (row && position >= firstAsked) rows.set(position, row);
  };
  // What an answer says of a place is what the position before it is followed by.
  const generated: number[] = [];
  for (const [i, place] of answer.places.slice(0, isSilent ? decodedFrom : undefined).entries()) {
    const at = tokens.length + i - decodedFrom;
    if (at > 0) keep(at - 1, place);
    if (at < tokens.length) continue;
    const id = spelling.idOf(place.token);
    if (id === undefined) break; // what follows, follows nobody knows what
    generated.push(id);
  }
  const one = async (prefix: readonly number[]): Promise<Place | undefined> => {
    const prompt = form.prompt === 'ids' ? prefix : await question.textOf(prefix);
    if (prompt === undefined) return undefined;
    const single = { ...form, echo: false };
    const { status, json } = await client.post(form.path, bodyOf(single, { ...wanted, prompt, most: 1 }));
    return status === 200 ? answerOf(json)?.places[0] : undefined;
  };
  if (!form.echo && form.prompt !== 'chat') {
    for (let length = firstAsked + 1; length < tokens.length; length++) {
      progress.say(`asking ${client.address}${form.path}: prefix ${length} of ${tokens.length}`);
      keep(length - 1, await one(tokens.slice(0, length)));
    }
  }
  const names = answer.places.flatMap(({ top }) => top);
  const before = form.prompt === 'chat' ? tokens.length - 1 : firstAsked;
  return {
    form,
    way: form.prompt === 'chat' ? 'chat' : form.echo ? 'echo' : 'steps',
    temperature: wanted.temperature,
    top: wanted.top,
    rows: new Map([...rows].sort(([a], [b]) => a - b)),
    generated,
    promptTokens: answer.promptTokens,
    tokensAs: names.every(({ id }) => id !== undefined) ? 'ids' : names.every(({ bytes }) => bytes) ? 'bytes' : 'text',
    missing: Math.max(0, Math.max(tokens.length - 1, ...rows.keys()) - before + 1 - rows.size),
    tried,
    again: async (prefix) => {
      const place = form.prompt === 'chat' ? undefined : await one(prefix);
      return place && sparseOf(place, spelling);
    },
  };
}

/** All probability is on one token. */
const isCertain = ({ top }: Place): boolean =>
  top.length === 0 || ((top[0]?.logP ?? 0) > -1e-6 && top.slice(1).every(({ logP }) => logP < -100));

/** Which of the server's models is asked. @returns undefined where it does not say which it has */
export async function modelOf(client: Client): Promise<string | undefined> {
  const { status, json } = await client.get('/v1/models');
  const list = status === 200 ? (json as { data?: unknown } | null)?.data : undefined;
  const id = Array.isArray(list) ? (list[0] as { id?: unknown } | undefined)?.id : undefined;
  return typeof id === 'string' ? id : undefined;
}
