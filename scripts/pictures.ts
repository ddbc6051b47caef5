/**
 * Writes docs/pictures: the terminal view of a healthy and of a sick run, as SVG. The command runs in a real terminal (tmux), and its screen is drawn.
 *
 *     node scripts/dist/pictures.js [--no-tui]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readScreen } from './pictures/screen.js';
import { screenSvg } from './pictures/svg.js';
import { recordScreen } from './pictures/tmux.js';

const FOLDER = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
const SIZE = { columns: 112, rows: 34 };

const { values } = parseArgs({ options: { 'no-tui': { type: 'boolean', default: false } } });
const view = values['no-tui'] ? ' --no-tui' : '';

const PICTURES = [
  {
    name: 'healthy',
    command: 'probe compare --prompt "What is 2 plus 3?"',
    until: /✓ agree/,
    title: 'probe compare: a healthy run',
    description:
      'The terminal view of a run in which every stage agrees: a heat map of stages by layers, all of it far below the limits, beside a table of the stages with their relative deltas and what they are of the limit.',
  },
  {
    name: 'sick',
    command: 'probe compare --prompt "What is 2 plus 3?" --inject rope-halves',
    until: /✗ diverged/,
    title: 'probe compare: a sick run',
    description:
      'The terminal view of a run with a known bug in it: q_rope of layer 0 is pinned on top as the first wrong stage, with its cause, and in the heat map the faults are marked and told from the stages that inherit their error.',
  },
] as const;

mkdirSync(FOLDER, { recursive: true });
for (const { name, command, until, title, description } of PICTURES) {
  const recorded = await recordScreen({ command: command + view, until, ...SIZE });
  const screen = await readScreen(recorded, SIZE);
  const svg = screenSvg(screen, { command: `npx ${command}`, title, description });
  writeFileSync(join(FOLDER, `${name}.svg`), svg);
  console.log(`${name}.svg: ${svg.length} bytes`);
}
