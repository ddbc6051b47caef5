/** What is known of the vocabulary, and of the lists. */
export interface AboutTokens {
  readonly bos?: number | undefined;
  readonly eos?: number | undefined;
  /** The text of an id, as the vocabulary spells it (`▁Hello`, `ĠHello`) or plain. */
  readonly piece?: ((id: number) => string | undefined) | undefined;
  /** What an id stands for, byte by byte, a character for each; by its piece without it. */
  readonly bytes?: ((id: number) => string | undefined) | undefined;
  /** Whether an id is a special token, such as a control token; by its piece without it. */
  readonly isSpecial?: ((id: number) => boolean) | undefined;
  /** How many ids the vocabulary has. */
  readonly size?: number | undefined;
  /** How many ids at the end of each list were decoded; without it what is said holds of the whole lists. */
  readonly decoded?: number | undefined;
}

export type TokenCause =
  | 'tokens-bos-missing'
  | 'tokens-bos-doubled'
  | 'tokens-bos-unexpected'
  | 'tokens-leading-space'
  | 'tokens-other-vocabulary'
  | 'tokens-special-as-text'
  | 'tokens-byte-fallback'
  | 'tokens-other-pre-tokenizer'
  | 'tokens-truncated'
  | 'tokens-eos-appended'
  | 'tokens-decoded'
  | 'tokens-unknown';

/** Two lists that differ. */
export interface Lists {
  readonly candidate: readonly number[];
  readonly reference: readonly number[];
  /** The first position that differs. */
  readonly at: number;
  readonly about: AboutTokens;
}

export interface Recognised {
  readonly id: TokenCause;
  readonly text: string;
}
