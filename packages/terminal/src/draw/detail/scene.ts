import type { StageResult } from '@llama-probe/diff';
import { type Line, wrap } from '../../line.js';
import type { Detail, State } from '../../state.js';

/** What a tab draws from. */
export interface Scene {
  readonly state: State;
  readonly detail: Detail;
  readonly news: NonNullable<Detail['news']>;
  readonly result: StageResult | undefined;
  readonly width: number;
  readonly height: number;
}

/** A view that has nothing to draw says why. */
export const nothing = (text: string, width: number): Line[] => wrap(text, width).map((line): Line => [[line, 'dim']]);

export const NOT_KEPT =
  'The values were not kept: wrong stages push out those that agree. --stages and --layers leave room for fewer.';
