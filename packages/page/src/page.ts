import { readFileSync } from 'node:fs';
import type { PageData } from './data.js';
import { visible } from './visible.js';

const PLACE = '<!--data-->';

/** The page without data, as `npm run bundle` makes it. */
const template = (): string => readFileSync(new URL('../dist/page/index.html', import.meta.url), 'utf8');

/** How many bytes the page has before any data. */
export const emptyPageBytes = (): number => Buffer.byteLength(template());

/** The whole page for some data: one HTML file that needs nothing else. */
export function page(data: PageData): string {
  const shown = (_: string, value: unknown) => (typeof value === 'string' ? visible(value) : value);
  const json = JSON.stringify(data, shown).replaceAll('<', '\\u003c'); // a prompt may say </script>
  const script = `<script type="application/json" id="data">${json}</script>`;
  return template().replace(PLACE, () => `${withoutScripts(data)}\n    ${script}`);
}

/** For readers whose viewer runs no scripts, such as a mail's preview. */
function withoutScripts({ runs }: PageData): string {
  const lines = runs.map(
    ({ name, verdict, reason, headline, culprits }) =>
      `<p><b>${escapeHtml(verdict)}</b> ${escapeHtml(name)}: ${escapeHtml(headline ?? reason)}</p>${culprits
        .map(({ look }) => `<p>Where to look: ${escapeHtml(look)}</p>`)
        .join('')}`,
  );
  return `<noscript>${lines.join('')}<p>The rest of this report needs JavaScript.</p></noscript>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string): string => visible(text).replace(/[&<>"]/g, (char) => ENTITIES[char] as string);
