import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vite';

/** The page's app, with its script and styles written into the HTML: it must open from disk, alone. */
const inline = {
  name: 'inline',
  enforce: 'post',
  generateBundle(_options, bundle) {
    const html = bundle['index.html'];
    let notices = '';
    for (const [name, part] of Object.entries(bundle)) {
      if (name === 'index.html') continue;
      delete bundle[name];
      if (part.type === 'chunk') notices = licences(Object.keys(part.modules));
      const [tag, text] =
        part.type === 'chunk'
          ? [
              /<script type="module"[^>]*><\/script>/,
              `<script type="module">${part.code.replaceAll('</script', '<\\/script')}</script>`,
            ]
          : [/<link rel="stylesheet"[^>]*>/, `<style>${part.source}</style>`];
      html.source = html.source.replace(tag, () => text);
    }
    html.source = html.source.replace('</body>', () => `</body>\n  <!--\n${notices.replaceAll('--', '- -')}-->`);
  },
};

/** The licences of the packages that modules come from: they ask to go wherever the code goes, and a report has the code. */
function licences(modules) {
  const packages = new Map();
  for (const id of modules) {
    const [, folder, name] = /^\0?(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(id) ?? [];
    if (name) packages.set(name, folder);
  }
  const texts = new Map();
  for (const [name, folder] of packages) {
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    if (!file) throw new Error(`${name} has no licence file; it cannot go into the page.`);
    const text = readFileSync(join(folder, file), 'utf8').trim();
    texts.set(text, [...(texts.get(text) ?? []), name]);
  }
  return [...texts].map(([text, names]) => `${names.join(', ')}:\n${text}\n\n`).join('');
}

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: 'dist/page', emptyOutDir: true, modulePreload: false, cssCodeSplit: false, assetsInlineLimit: 1e9 },
  plugins: [inline],
});
