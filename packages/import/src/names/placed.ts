import type { Place } from '@llama-probe/dump/stage';
import type { ForeignArray } from '../array.js';
import type { Columns } from '../shape/columns.js';

/** An array and the stage that it is. */
export interface Placed {
  readonly array: ForeignArray;
  readonly place: Place;
  /** Whether the stage is one that llama.cpp has, or that somebody has said; without it the name is the file's own. */
  readonly isKnown: boolean;
  /** Only these of each row. */
  readonly columns?: Columns | undefined;
}

/** What a name says that an array is. */
export type Meaning =
  /** `rank`: of several arrays that are one stage, the lowest is taken; 0 is what a module puts out. */
  | { readonly kind: 'stage'; readonly place: Place; readonly rank: number }
  /** The token ids. */
  | { readonly kind: 'tokens' }
  /** Something of a module that is no stage, such as a mask. */
  | { readonly kind: 'aside' };

/** What is known of the whole model when a name is read. */
export interface ModelFacts {
  /** One more than the largest number of a layer in the names. */
  readonly layers: number;
  /** From which number they count. */
  readonly firstLayer: 0 | 1;
  /** Norms before and after both blocks, as Gemma 2 and 3 have them. */
  readonly isSandwich: boolean;
  /** Whether `embed_tokens` puts out what enters the first layer; null where that cannot be told. */
  readonly embeddingIsScaled: boolean | null;
}

/** How somebody calls things. */
export interface Preset {
  /** @example 'Hugging Face modules' */
  readonly title: string;
  /** undefined for a name that it does not know. */
  read(name: string, facts: ModelFacts): Meaning | undefined;
}

export const stage = (name: string, layer: number | null, rank = 0): Meaning => ({
  kind: 'stage',
  place: { stage: name, layer },
  rank,
});
