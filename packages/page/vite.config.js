import { defineConfig } from 'vite';

/** The page's app, with its script and styles written into the HTML: it must open from disk, alone. */
const inline = {
  name: 'inline',
  enforce: 'post',
  generateBundle(_options, bundle) {
    const html = bundle['index.html'];
    for (const [name, part] of Object.entries(bundle)) {
      if (name === 'index.html') continue;
      delete bundle[name];
      const [tag, text] =
        part.type === 'chunk'
          ? [
              /<script type="module"[^>]*><\/script>/,
              `<script type="module">${part.code.replaceAll('</script', '<\\/script')}</script>`,
            ]
          : [/<link rel="stylesheet"[^>]*>/, `<style>${part.source}</style>`];
      html.source = html.source.replace(tag, () => text);
    }
  },
};

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: 'dist/page', emptyOutDir: true, modulePreload: false, cssCodeSplit: false, assetsInlineLimit: 1e9 },
  plugins: [inline],
});
