import type { Cell } from '../grid/cells.js';
import type { State } from '../state.js';

/** How a word looks that is being explained. */
export const EXPLAINED = ['bold', 'inverse'] as const;

export const isExplained = ({ overlay }: State, word: string): boolean =>
  overlay?.kind === 'word' && overlay.word === word;

export const passName = ({ pass }: State): string => (pass === 'blame' ? 'blame' : 'free run');

/** What the glossary calls what a stage is. */
export const wordOf = ({ kind, fault }: Pick<Cell, 'kind' | 'fault'>): string =>
  kind === 'own' && !fault ? 'first wrong' : WORDS[kind];

const WORDS = {
  agree: 'agrees',
  inherited: 'inherits',
  incomparable: 'incomparable',
  over: 'over its limit',
  own: 'fault',
} as const satisfies Record<Cell['kind'], string>;
