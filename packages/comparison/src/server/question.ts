/** What is asked: what follows each prefix of these tokens, and what the server decodes after them. */
export interface Question {
  readonly tokens: readonly number[];
  /** The text of as many tokens as are given, where the server's tokenizer has to make the same of it; undefined where no text does. */
  textOf(tokens: readonly number[]): Promise<string | undefined>;
  /** A user's message; then only what the server decodes can be had. */
  readonly message: string | undefined;
  /** How many tokens are decoded after the prompt, beside the one that follows it. */
  readonly steps: number;
  readonly top: number;
  /** What follows so many of the prompt's last tokens is all that is asked of it; undefined: what follows each. */
  readonly last?: number | undefined;
  readonly model: string | undefined;
}
