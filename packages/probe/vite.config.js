import { defineConfig } from 'vite';

/** Ink asks for React's development tools where it finds them. Nobody debugs a bundle with them. */
const withoutDevtools = {
  name: 'without-devtools',
  enforce: 'pre',
  resolveId: (id) => (/react-devtools-core|\/devtools\.js$/.test(id) ? '\0nothing' : undefined),
  load: (id) => (id === '\0nothing' ? 'export default {}' : undefined),
};

/** The terminal view and Ink as one file: finding and reading some hundred would take longer than its first paint may. */
export default defineConfig({
  root: import.meta.dirname,
  define: { 'process.env.NODE_ENV': '"production"' },
  ssr: { noExternal: true, target: 'node' },
  build: { ssr: 'src/tui/main.tsx', outDir: 'dist/bundle', emptyOutDir: true, minify: true, target: 'node20' },
  plugins: [withoutDevtools],
});
