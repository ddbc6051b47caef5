import { defineConfig } from 'vite';

/** The process of llama.cpp in few files: to find and read Arrow's hundred takes it longer than a short prompt. */
export default defineConfig({
  root: import.meta.dirname,
  ssr: { noExternal: true, external: ['koffi'], target: 'node' },
  build: {
    ssr: true,
    rollupOptions: {
      input: {
        child: 'src/process/child.ts',
        watchdog: 'src/process/watchdog.ts',
        digester: 'src/model/digester.ts',
      },
      output: { chunkFileNames: '[name].js' },
    },
    outDir: 'dist/bundle',
    emptyOutDir: true,
    target: 'node20',
  },
});
