import { placeKey } from '@llama-probe/dump/stage';
import { gridOf } from '../grid/cells.js';
import { shownStages } from '../grid/rows.js';
import { firstShown, type Layout } from '../layout.js';
import { cut, type Line, padEnd, type Segment } from '../line.js';
import type { State } from '../state.js';
import { box } from './box.js';
import { ABSENT, cellText, LOOKS, type Look, lookOf, SHORT_LEGEND } from './glyphs.js';

/** Stages from top to bottom, layers from left to right; a stage of the whole model is a strip. */
export function heatMap(state: State, { body, page, map }: Layout): Line[] {
  const grid = gridOf(state);
  const stages = shownStages(state);
  const { cursor } = state;
  const from = firstShown(Math.max(0, grid.layers.indexOf(cursor.layer)), grid.layers.length, map.layers);
  const layers = grid.layers.slice(from, from + map.layers);
  const top = firstShown(Math.max(0, stages.indexOf(cursor.stage)), stages.length, page);
  const strip = Math.max(1, layers.length * map.cell - (map.cell < 3 ? 0 : 1));
  const lines = stages.slice(top, top + page).map((stage): Line => {
    const isHere = stage === cursor.stage;
    const name = padEnd(cut(stage, map.name), map.name);
    const lookAt = (layer: number | null): Look => {
      const cell = grid.cells.get(placeKey({ stage, layer }));
      return cell || !state.report ? lookOf(cell) : ABSENT;
    };
    const label: Segment = isHere ? [`▸${name} `, 'bold'] : [` ${name} `];
    if (grid.wide.has(stage)) return [label, draw(lookAt(null), strip, isHere)];
    return [label, ...layers.flatMap((layer) => drawCell(lookAt(layer), map.cell, isHere && layer === cursor.layer))];
  });
  const more = [from > 0 ? '‹' : '', from + layers.length < grid.layers.length ? '›' : ''].join('');
  return box([layerNames(state, layers, map), ...lines, ...explained(page - lines.length)], {
    width: map.width,
    height: body,
    title: [
      ['stages × layers', 'bold'],
      [more === '' ? '' : ` ${more}`, 'dim'],
    ],
    footer: legend(map.width - 6),
    hasFocus: state.focus === 'map',
  });
}

/** Wide cells stand apart by a column. */
function drawCell(look: Look, width: number, isHere: boolean): Segment[] {
  return width < 3 ? [draw(look, width, isHere)] : [draw(look, width - 1, isHere), [' ']];
}

function draw(look: Look, width: number, isHere: boolean): Segment {
  if (!isHere) return [cellText(look, width), ...look.tones];
  // Filled blocks look alike when they are inverted, so the cursor is brackets; without room for brackets it is the glyph, inverted.
  if (width >= 3) return [`[${cellText(look, width - 2)}]`, 'inverse', 'bold'];
  return [look.fills && width === 2 ? '[]' : cellText(look, width), 'inverse', 'bold'];
}

/** The numbers of the layers above their columns, as many as there is room for. */
function layerNames({ cursor }: State, layers: readonly number[], { name, cell }: Layout['map']): Line {
  const wide = String(layers.at(-1) ?? 0).length;
  const every = [1, 2, 4, 5, 8, 10, 20, 50].find((step) => step * cell > wide) ?? 100;
  const segments: Segment[] = [[' '.repeat(name + 2)]];
  let column = 0;
  for (const [index, layer] of layers.entries()) {
    const isHere = layer === cursor.layer;
    if (layer % every !== 0 || index * cell < column) continue;
    const text = String(layer)
      .padStart(Math.min(cell, wide))
      .padStart(Math.ceil((cell + wide - 1) / 2));
    segments.push([' '.repeat(index * cell - column)], isHere ? [text, 'bold', 'sky'] : [text, 'dim']);
    column = index * cell + text.length;
  }
  return segments;
}

/** What the glyphs mean, where there is room below the map. */
function explained(room: number): Line[] {
  const looks = Object.values(LOOKS);
  if (room < looks.length + 2) return [];
  return [
    [],
    ...looks.map(({ glyph, tones, brief }): Line => [['  '], [` ${glyph} `, ...tones], [` ${brief}`, 'dim']]),
  ];
}

function legend(room: number): Line {
  const line: Segment[] = [];
  let used = 0;
  for (const [look, text] of SHORT_LEGEND) {
    const wide = text.length + 2;
    if (used + wide + 1 > room) break;
    line.push([look.glyph, ...look.tones], [`${text} `, 'dim']);
    used += wide;
  }
  return line.length > 0 ? line.with(-1, [(line.at(-1)?.[0] ?? '').trimEnd(), 'dim']) : line;
}
