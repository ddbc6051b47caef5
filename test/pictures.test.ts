import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { XMLValidator } from 'fast-xml-parser';
import { expect, test } from 'vitest';
import { readScreen } from '../scripts/pictures/screen.js';
import { screenSvg } from '../scripts/pictures/svg.js';

const ABOUT = { command: 'echo "<&>"', title: 'a title', description: 'what it shows' };

test.each([
  ['healthy', ['agree', 'q_rope', 'kq_soft_max']],
  ['sick', ['diverged', 'q_rope', '--inject rope-halves']],
])('the picture of a %s run is whole, described, and small', (name, words) => {
  const svg = readFileSync(fileURLToPath(new URL(`../docs/pictures/${name}.svg`, import.meta.url)), 'utf8');
  expect(XMLValidator.validate(svg)).toBe(true);
  expect(svg).toMatch(/<title id="title">.+<\/title>\n<desc id="description">.{40,}<\/desc>/);
  for (const word of words) expect(svg).toContain(word);
  expect(svg.length).toBeLessThan(100_000);
  expect(svg).not.toMatch(/https?:(?!\/\/www\.w3\.org)/); // GitHub shows nothing that is loaded
});

test('a screen is drawn as the terminal has it', async () => {
  const text =
    '\x1b[1;38;2;1;2;3mbold\x1b[0m \x1b[7minverse\x1b[0m \x1b[38;5;196m░░\x1b[0m─<&>\n\x1b[2;48;5;21mdim\x1b[0m';
  const screen = await readScreen(text, { columns: 24, rows: 2 });
  const svg = screenSvg(screen, ABOUT);
  expect(XMLValidator.validate(svg)).toBe(true);
  expect(svg).toMatch(/<text x="0" [^>]*fill="#010203" class="b">bold<\/text>/);
  expect(svg).toMatch(
    /<rect x="42" y="0" width="58.8" height="18" fill="#e6edf3"\/>\n<text [^>]*fill="#0d1117">inverse</,
  );
  expect(svg).toMatch(/<rect [^>]*width="16.8" [^>]*fill="url\(#s1-ff0000\)"/);
  expect(svg).toContain('<pattern id="s1-ff0000"');
  expect(svg).toMatch(/<path d="M[^"]+" fill="none"/);
  expect(svg).toContain('>&lt;&amp;&gt;</text>');
  expect(svg).toMatch(/fill="#0000ff"\/>\n<text [^>]*textLength="25.2"[^>]*class="d">dim</);
});
