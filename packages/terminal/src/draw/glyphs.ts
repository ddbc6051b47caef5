import type { Cell } from '../grid/cells.js';
import { shareOf } from '../grid/cells.js';
import type { Tone } from '../tones.js';

/** How a stage is drawn. Every class has a glyph of its own: colour is never the only sign. */
export interface Look {
  readonly glyph: string;
  /** It fills a cell that is wider than one column. */
  readonly fills: boolean;
  readonly tones: readonly Tone[];
  readonly means: string;
  /** The same in a few words. */
  readonly brief: string;
}

export const LOOKS = {
  pending: { glyph: '·', fills: false, tones: ['grey'], means: 'not there yet', brief: 'not there yet' },
  far: {
    glyph: '░',
    fills: true,
    tones: ['blue'],
    means: 'agrees, below a tenth of its limit',
    brief: 'below 0.1 × its limit',
  },
  middling: { glyph: '▒', fills: true, tones: ['sky'], means: 'agrees, below half of it', brief: 'below 0.5 ×' },
  near: { glyph: '▓', fills: true, tones: ['yellow'], means: 'agrees, up to the limit', brief: 'up to its limit' },
  over: { glyph: '█', fills: true, tones: ['vermillion'], means: 'over its limit', brief: 'over its limit' },
  own: {
    glyph: '✗',
    fills: false,
    tones: ['on-vermillion', 'bold'],
    means: 'a fault, or the first wrong stage',
    brief: 'fault, or first wrong',
  },
  inherited: {
    glyph: '↳',
    fills: false,
    tones: ['tan'],
    means: 'over its limit, inherited from a fault upstream; the further from it, the paler',
    brief: 'inherits',
  },
  incomparable: {
    glyph: '?',
    fills: false,
    tones: ['purple', 'bold'],
    means: 'incomparable: missing, or of another shape',
    brief: 'incomparable',
  },
} as const satisfies Record<string, Look>;

/** Nothing is there, and nothing will come. */
export const ABSENT: Look = { glyph: ' ', fills: false, tones: [], means: 'not compared', brief: 'not compared' };

/** What is wrong comes first: if there is no room for all of them, it is what people look for. */
export const SHORT_LEGEND = [
  [LOOKS.over, 'over'],
  [LOOKS.own, 'fault'],
  [LOOKS.inherited, 'inherits'],
  [LOOKS.near, '≤1'],
  [LOOKS.middling, '<½'],
  [LOOKS.far, '<0.1×'],
] as const;

/** What inherits, by how far it is from its fault. */
const PALER = (['tan', 'khaki', 'grey'] as const).map((tone): Look => ({ ...LOOKS.inherited, tones: [tone] }));

export function lookOf(cell: (Pick<Cell, 'kind' | 'result'> & Partial<Pick<Cell, 'third'>>) | undefined): Look {
  if (!cell) return LOOKS.pending;
  if (cell.kind === 'inherited') return PALER[cell.third ?? 0] ?? LOOKS.inherited;
  if (cell.kind !== 'agree') return LOOKS[cell.kind];
  const share = shareOf(cell.result);
  return share < 0.1 ? LOOKS.far : share < 0.5 ? LOOKS.middling : LOOKS.near;
}

/** So many columns of it. */
export function cellText({ glyph, fills }: Look, width: number): string {
  if (fills) return glyph.repeat(width);
  const before = Math.floor((width - 1) / 2);
  return ' '.repeat(before) + glyph + ' '.repeat(width - 1 - before);
}

const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/** Turns while something is going on. @param now in milliseconds */
export const spinner = (now: number): string => SPINNER[Math.floor(now / 100) % SPINNER.length] ?? '';

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of so many columns. @param share 0 to 1 */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * width * 8);
  return '█'.repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? '');
}

/** A thinner one, for many below each other. */
export function line(share: number, width: number): string {
  const halves = Math.round(Math.max(0, Math.min(1, share)) * width * 2);
  return '━'.repeat(halves >> 1) + (halves & 1 ? '╸' : '');
}

const BELOW = 4; // decades
const ABOVE = 6;

/** Where the limit stands on the log scale. */
export const LIMIT_AT = BELOW / (BELOW + ABOVE);

/** Where a share of the limit stands on a log scale, 0 to 1. */
export function onLogScale(share: number): number {
  if (share === 0) return 0;
  if (!Number.isFinite(share)) return 1;
  return Math.max(0.02, Math.min(1, (Math.log10(share) + BELOW) / (BELOW + ABOVE)));
}
