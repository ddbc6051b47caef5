/** The picture's own: readable on a light page and on a dark one. */
export const BACKGROUND = '#0d1117';
export const FOREGROUND = '#e6edf3';

/** The first 16 of a terminal's palette, which every theme chooses for itself. */
const NAMED = [
  ['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#b1bac4'],
  ['#6e7681', '#ffa198', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#ffffff'],
].flat();

const STEPS = [0, 95, 135, 175, 215, 255]; // of the 6 × 6 × 6 cube

/** A colour of xterm's palette of 256, or 0xrrggbb. @returns #rrggbb */
export function color(value: number, isRgb: boolean): string {
  if (isRgb) return hex(value);
  const named = NAMED[value];
  if (named) return named;
  if (value >= 232) return hex((8 + 10 * (value - 232)) * 0x010101);
  const at = value - 16;
  const [red = 0, green = 0, blue = 0] = [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map(
    (step) => STEPS[step],
  );
  return hex((red << 16) | (green << 8) | blue);
}

const hex = (value: number): string => `#${value.toString(16).padStart(6, '0')}`;
