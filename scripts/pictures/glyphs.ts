export type Shade = 1 | 2 | 3 | 4;

/** A character that is drawn as a shape. */
export type Glyph =
  /** The whole cell, of so many quarters. */
  | { readonly shade: Shade }
  /** A line through the cell at (x, y) of this width and height. */
  | { readonly path: (x: number, y: number, w: number, h: number) => string };

/** From the middle of which sides a line goes: left, right, up, down. */
const line = (sides: string): Glyph => ({
  path(x, y, w, h) {
    const [cx, cy] = [round(x + w / 2), y + h / 2];
    const ends: Readonly<Record<string, string>> = { l: `H${x}`, r: `H${round(x + w)}`, u: `V${y}`, d: `V${y + h}` };
    return [...sides].map((side) => `M${cx} ${cy}${ends[side]}`).join('');
  },
});

const GLYPHS: Readonly<Record<string, Glyph>> = {
  '░': { shade: 1 },
  '▒': { shade: 2 },
  '▓': { shade: 3 },
  '█': { shade: 4 },
  '─': line('lr'),
  '│': line('ud'),
  '╭': line('rd'),
  '╮': line('ld'),
  '╰': line('ru'),
  '╯': line('lu'),
  '├': line('udr'),
  '┤': line('udl'),
  '┬': line('lrd'),
  '┴': line('lru'),
  '┼': line('lrud'),
};

/** The shape of a piece of like characters; undefined for what is text. */
export const glyphOf = (piece: string): Glyph | undefined => GLYPHS[[...piece][0] ?? ''];

const round = (value: number): number => Number(value.toFixed(2));
