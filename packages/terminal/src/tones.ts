type Rgb = readonly [number, number, number];
export interface Ink {
  readonly rgb: Rgb;
  /** The nearest of the 256 colours. */
  readonly near: number;
  /** The nearest of the 16 colours, as an SGR code. */
  readonly basic: number;
}

/**
 * Okabe and Ito's colours, which people who cannot tell red from green can tell apart. Some are darker than theirs, so that all have a
 * contrast of 3:1 on black and on white. Yellow cannot have both: it fills cells and backgrounds, and is never text.
 */
export const INKS = {
  blue: { rgb: [47, 134, 201], near: 32, basic: 94 },
  sky: { rgb: [20, 150, 170], near: 30, basic: 36 },
  yellow: { rgb: [214, 192, 16], near: 184, basic: 33 },
  vermillion: { rgb: [220, 92, 16], near: 166, basic: 31 },
  orange: { rgb: [192, 128, 0], near: 136, basic: 35 },
  green: { rgb: [0, 152, 108], near: 29, basic: 32 },
  purple: { rgb: [190, 100, 150], near: 132, basic: 95 },
  grey: { rgb: [128, 128, 128], near: 244, basic: 90 },
  /** What inherits is paler the further it is from the fault: to grey. */
  tan: { rgb: [175, 135, 95], near: 137, basic: 33 },
  khaki: { rgb: [135, 135, 95], near: 101, basic: 90 },
} as const satisfies Record<string, Ink>;
export type InkName = keyof typeof INKS;

/** Words beside what matters: the one grey that has 4.5:1 on black and on white. */
export const DIM = { rgb: [118, 118, 118], near: 243 } as const satisfies Omit<Ink, 'basic'>;

const WHITE = { rgb: [255, 255, 255], near: 231, basic: 97 } as const satisfies Ink;
const BLACK = { rgb: [0, 0, 0], near: 16, basic: 30 } as const satisfies Ink;

/** Attributes that are no colours. `dim` is one only where there are too few colours for its own. */
export const ATTRIBUTES = { bold: '1', dim: '2', underline: '4', inverse: '7' } as const;

/** A background always brings its own foreground: the terminal's is not known. */
export const BADGES = {
  'on-vermillion': [INKS.vermillion, WHITE],
  'on-green': [INKS.green, BLACK],
  'on-yellow': [INKS.yellow, BLACK],
  'on-sky': [INKS.sky, BLACK],
} as const satisfies Record<string, readonly [Ink, Ink]>;

export type Tone = InkName | keyof typeof ATTRIBUTES | keyof typeof BADGES;
