import { defineConfig } from 'vite';

/** Ink loads React's development tools if it finds them. Nobody debugs a bundle with them. */
const withoutDevtools = {
  name: 'without-devtools',
  enforce: 'pre',
  resolveId: (id) => (/react-devtools-core|\/devtools\.js$/.test(id) ? '\0nothing' : undefined),
  load: (id) => (id === '\0nothing' ? 'export default {}' : undefined),
};

/** Ink draws nothing if it finds CI's variables; whether somebody is watching was decided before it is loaded. */
const whereverItRuns = {
  name: 'wherever-it-runs',
  enforce: 'pre',
  resolveId: (id) => (id === 'is-in-ci' ? '\0not-in-ci' : undefined),
  load: (id) => (id === '\0not-in-ci' ? 'export default false' : undefined),
};

/** The view knows which outputs there are, and the process that compares writes them. */
const withoutOutputs = {
  name: 'without-outputs',
  enforce: 'pre',
  resolveId: (id, importer) =>
    /report\/dist\/outputs\.js$/.test(importer ?? '') && id.startsWith('./') ? '\0nothing' : undefined,
};

/**
 * The terminal view and Ink in few files: to find and read some hundred takes longer than a command may be silent. `first.js` has the
 * first picture, and nothing of Ink.
 */
export default defineConfig({
  root: import.meta.dirname,
  define: { 'process.env.NODE_ENV': '"production"' },
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    rollupOptions: {
      input: { main: 'src/main.tsx', first: 'src/first.ts' },
      output: { chunkFileNames: '[name].js' },
    },
    outDir: 'dist/bundle',
    emptyOutDir: true,
    minify: true,
    target: 'node20',
  },
  plugins: [withoutDevtools, whereverItRuns, withoutOutputs],
});
