/** A token as a server names it: by its number, its bytes (in hexadecimal digits), or a spelling. */
export interface Named {
  readonly id?: number;
  readonly bytes?: string;
  readonly text: string;
}

export interface Likely extends Named {
  /** ln of its probability. */
  readonly logP: number;
}

/** What a server says of one place of a text: which token is there, and the likeliest ones. */
export interface Place {
  readonly token: Named;
  /** None of a place that nothing comes before. */
  readonly top: readonly Likely[];
}

export interface Answer {
  readonly places: readonly Place[];
  /** How many tokens the server says that the prompt had. */
  readonly promptTokens: number | null;
  /** More than one where it took the ids of a prompt for many prompts. */
  readonly choices: number;
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json | undefined =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : undefined;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

const IMPOSSIBLE = -1e4; // servers write −9999, or the least float, for ln 0

/**
 * The log-probabilities of an answer, in any of the forms that there are: OpenAI's of completions (`tokens` and `top_logprobs` as objects), that of chats (`content`,
 * which llama-server has for completions too), and llama-server's own (`completion_probabilities`).
 *
 * @returns undefined where there are none
 */
export function answerOf(json: unknown): Answer | undefined {
  const whole = object(json);
  if (!whole) return undefined;
  const choices = list(whole.choices);
  const logprobs = object(object(choices[0])?.logprobs);
  const places = logprobs
    ? Array.isArray(logprobs.content)
      ? logprobs.content.flatMap(placeOf)
      : ofCompletions(logprobs)
    : list(whole.completion_probabilities).flatMap(placeOf);
  if (!places.some(({ top }) => top.length > 0)) return undefined;
  return {
    places,
    promptTokens: number(object(whole.usage)?.prompt_tokens) ?? number(whole.tokens_evaluated) ?? null,
    choices: Math.max(1, choices.length),
  };
}

/** `{ token, id?, bytes?, logprob, top_logprobs }`; after sampling `prob` and `top_probs`. */
function placeOf(value: unknown): readonly Place[] {
  const place = object(value);
  if (!place) return [];
  const own = likely(place);
  const top = list(place.top_logprobs ?? place.top_probs ?? place.probs).flatMap(likely);
  return [{ token: named(place), top: distinct([...top, ...own]) }];
}

function ofCompletions({ tokens, token_logprobs: own, top_logprobs: tops }: Json): readonly Place[] {
  return list(tokens).map((text, i) => {
    const token = named({ token: text });
    const top = list(tops)[i];
    const others = Array.isArray(top)
      ? top.flatMap(likely)
      : Object.entries(object(top) ?? {}).flatMap(([token, logprob]) => likely({ token, logprob }));
    return { token, top: distinct([...others, ...likely({ token: text, logprob: list(own)[i] })]) };
  });
}

function likely(value: unknown): readonly Likely[] {
  const one = object(value);
  const logP = one && (number(one.logprob) ?? logOf(number(one.prob)));
  return one && logP !== undefined ? [{ ...named(one), logP: Math.max(logP, IMPOSSIBLE) }] : [];
}

const logOf = (p: number | undefined): number | undefined => (p === undefined ? undefined : Math.log(p));

function named({ id, token, tok_str: old, bytes }: Json): Named {
  const text = String(token ?? old ?? '');
  const number = /^token_id:(\d+)$/.exec(text)?.[1]; // as vLLM writes it where it is asked to
  const hex = Array.isArray(bytes) && bytes.length > 0 ? Buffer.from(bytes as number[]).toString('hex') : undefined;
  return {
    ...(typeof id === 'number' ? { id } : number === undefined ? {} : { id: Number(number) }),
    ...(hex === undefined ? {} : { bytes: hex }),
    text,
  };
}

function distinct(all: readonly Likely[]): readonly Likely[] {
  const byName = new Map(all.map((one) => [String(one.id ?? one.bytes ?? one.text), one]));
  return [...byName.values()].sort((a, b) => b.logP - a.logP);
}
