import { parseIds } from './parse-ids.js';

/** How a run that another program wrote is to be read, as it is written in options. */
export interface ReadOptions {
  /** The token ids, of a run that does not say them, such as `1,15043`. */
  tokens?: string;
}

/** The same as it is opened with. @throws UsageError */
export const openingOf = ({ tokens }: ReadOptions): { readonly tokens?: readonly number[] } =>
  tokens === undefined ? {} : { tokens: parseIds(tokens) };
