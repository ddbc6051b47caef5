import { parseIds } from './parse-ids.js';

/** How a run that another program wrote is to be read, as it is written in options. */
export interface ReadOptions {
  /** The token ids, of a run that does not say them, such as `1,15043`. */
  tokens?: string;
  /** A mapping file: which stages arrays are whose names nobody knows. */
  map?: string;
}

/** The same as it is opened with. @throws UsageError */
export const openingOf = ({
  tokens,
  map,
}: ReadOptions): { readonly tokens?: readonly number[]; readonly map?: string } => ({
  ...(tokens === undefined ? {} : { tokens: parseIds(tokens) }),
  ...(map === undefined ? {} : { map }),
});
