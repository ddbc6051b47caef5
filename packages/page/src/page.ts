import { readFileSync } from 'node:fs';
import type { PageData } from './data.js';

const PLACE = '<!--data-->';

/** The whole page for some data: one HTML file that needs nothing else. */
export function page(data: PageData): string {
  const template = readFileSync(new URL('../dist/page/index.html', import.meta.url), 'utf8');
  const json = JSON.stringify(data).replaceAll('<', '\\u003c'); // a prompt may say </script>
  return template.replace(PLACE, () => `<script type="application/json" id="data">${json}</script>`);
}
