import { dirname, join } from 'node:path';
import { defineConfig } from 'vite';

/**
 * What a module of our packages finds beside itself (shaders, a model, a page), it finds from wherever it is bundled; a module beside it
 * that another process or a module of the user begins with is bundled with it, in a file of its own.
 */
const besideItself = {
  name: 'beside-itself',
  transform(code, id) {
    const [, name, path] = /packages\/([^/]+)\/dist\/(.+)$/.exec(id) ?? [];
    if (name === undefined || !code.includes('import.meta.url')) return;
    const url = `new URL('./${path}', import.meta.resolve('@llama-probe/${name}')).href`;
    const found = code.replaceAll(/new URL\('(\w+)\.js', import\.meta\.url\)|import\.meta\.url/g, (all, begun) => {
      if (begun === undefined) return url;
      this.emitFile({ type: 'chunk', id: join(dirname(id), `${begun}.js`), fileName: `${name}-${begun}.js` });
      return all.replace(begun, `./${name}-${begun}`);
    });
    return { code: found, map: null };
  },
};

/** What is no ASCII, as an escape: Node.js reads a file of bytes of ASCII faster, and keeps half as many. */
const ascii = {
  name: 'ascii',
  generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      chunk.code = chunk.code.replace(
        /[\u0080-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
    }
  },
};

/** Command and library in few files: to find and read the nine hundred that they are written in takes longer than a short comparison. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [besideItself, ascii],
  ssr: { noExternal: true, external: ['koffi', 'webgpu', 'jiti', 'vitest'], target: 'node' },
  build: {
    ssr: true,
    rollupOptions: {
      // Of the tasks that Hugging Face knows, only the numbers of quantised types are used.
      treeshake: { moduleSideEffects: (id) => !id.includes('@huggingface/tasks') },
      input: { main: 'src/main.ts', cli: 'src/cli.ts', index: 'src/index.ts', vitest: 'src/vitest.ts' },
      output: { chunkFileNames: '[name]-[hash].js' },
    },
    outDir: 'dist/bundle',
    emptyOutDir: true,
    target: 'node20',
  },
});
