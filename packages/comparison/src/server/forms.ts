/** A way to ask a server for log-probabilities. */
export interface Form {
  readonly path: '/v1/completions' | '/completion' | '/v1/chat/completions';
  /** What is sent: token ids; their text, which the server tokenises; or a message, which it puts through its own chat template. */
  readonly prompt: 'ids' | 'text' | 'chat';
  /** Whether it is asked for the prompt's own places too. */
  readonly echo: boolean;
}

/** The best first: the one that says the most, and leaves the least to the server. */
export const FORMS: readonly Form[] = [
  { path: '/v1/completions', prompt: 'ids', echo: true },
  { path: '/completion', prompt: 'ids', echo: false },
  { path: '/v1/completions', prompt: 'text', echo: true },
  { path: '/completion', prompt: 'text', echo: false },
  { path: '/v1/chat/completions', prompt: 'chat', echo: false },
];

/** @example formName({ path: '/v1/completions', prompt: 'ids', echo: true }) === '/v1/completions with token ids and echo' */
export const formName = ({ path, prompt, echo }: Form): string =>
  `${path} with ${{ ids: 'token ids', text: 'text', chat: 'a message' }[prompt]}${echo ? ' and echo' : ''}`;

export interface Wanted {
  readonly prompt: readonly number[] | string;
  readonly model: string | undefined;
  /** How many tokens it is to decode. */
  readonly most: number;
  readonly top: number;
  readonly temperature: number;
  /** Fields that only some servers know. */
  readonly extras: boolean;
}

/** The body of a request. */
export function bodyOf({ path, prompt: kind, echo }: Form, wanted: Wanted): object {
  const { prompt, model, most, top, temperature, extras } = wanted;
  const common = { ...(model === undefined ? {} : { model }), temperature, top_p: 1, stream: false };
  if (path === '/completion') return { prompt, n_predict: most, n_probs: top, temperature, stream: false };
  if (kind === 'chat')
    return {
      ...common,
      messages: [{ role: 'user', content: prompt }],
      max_tokens: most,
      logprobs: true,
      top_logprobs: top,
    };
  return {
    ...common,
    prompt,
    max_tokens: most,
    logprobs: top,
    ...(echo ? { echo } : {}),
    // vLLM and SGLang: ids for tokens, and no BOS beside that of the ids.
    ...(extras ? { return_tokens_as_token_ids: true, ...(kind === 'ids' ? { add_special_tokens: false } : {}) } : {}),
  };
}
