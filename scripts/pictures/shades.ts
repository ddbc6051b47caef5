import type { Shade } from './glyphs.js';

/** Thirds and sixths of a cell, so that the dots of neighbours join. */
const TILE = { width: 2.8, height: 3 };

/** How a shade is filled: with dots, as a terminal does, since the colour must not be the only sign. */
export const fillOf = (shade: Shade, ink: string): string => (shade === 4 ? ink : `url(#s${shade}-${ink.slice(1)})`);

/** The patterns that a drawing refers to. */
export function patternsOf(drawing: string): string[] {
  const used = new Set(
    [...drawing.matchAll(/url\(#s([123])-([0-9a-f]{6})\)/g)].map(([, shade, ink]) => `${shade}-${ink}`),
  );
  return [...used].sort().map((name) => {
    const [shade = '', ink = ''] = name.split('-');
    const { width, height } = TILE;
    const path = DOTS[shade] ?? '';
    return `<pattern id="s${name}" width="${width}" height="${height}" patternUnits="userSpaceOnUse"><path fill="#${ink}" d="${path}"/></pattern>`;
  });
}

const DOTS: Readonly<Record<string, string>> = {
  1: 'M0 0h1.4v1.5h-1.4z',
  2: 'M0 0h1.4v1.5h-1.4zM1.4 1.5h1.4v1.5h-1.4z',
  3: 'M0 0h2.8v1.5h-2.8zM1.4 1.5h1.4v1.5h-1.4z',
};
