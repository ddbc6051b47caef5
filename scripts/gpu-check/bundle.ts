import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** What runs in the pack in a few files, without the packages that it is written in. What is native stays outside. */
export async function bundle(outDir: string): Promise<void> {
  await build({
    configFile: false,
    root: beside('.'),
    logLevel: 'error',
    ssr: { noExternal: true, external: ['koffi', 'webgpu'], target: 'node' },
    build: {
      ssr: true,
      rollupOptions: {
        // Of the tasks that Hugging Face knows, only the numbers of quantised types are used.
        treeshake: { moduleSideEffects: (id: string) => !id.includes('@huggingface/tasks') },
        input: { main: beside('./run/main.js'), child: beside('./run/child.js') },
        output: { chunkFileNames: '[name]-[hash].js' },
      },
      outDir,
      emptyOutDir: true,
      target: 'node20',
    },
  });
}
