import { join } from 'node:path';
import { build, type Rollup } from 'vite';
import { expect, test } from 'vitest';

const PACKAGE = join(import.meta.dirname, '..');

/** Every module that a bundled file has, and that the files it imports have. */
function modulesOf(file: string, chunks: ReadonlyMap<string, Rollup.OutputChunk>): string[] {
  const chunk = chunks.get(file);
  if (!chunk) return [];
  return [...chunk.moduleIds, ...chunk.imports.flatMap((other) => modulesOf(other, chunks))];
}

test('the first picture is bundled without what takes long to load', { timeout: 60_000 }, async () => {
  const configFile = join(PACKAGE, 'vite.config.js');
  const built = (await build({ configFile, logLevel: 'silent', build: { write: false } })) as Rollup.RollupOutput;
  const chunks = new Map(built.output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file]] : [])));
  const first = modulesOf('first.js', chunks);
  expect(first.some((id) => id.endsWith('/draw/screen.js') || id.endsWith('/draw/screen.ts'))).toBe(true);
  const heavy =
    /node_modules\/(apache-arrow|ink|react|cli-table3|koffi|webgpu)\/|packages\/(engine|reference|oracle\/(?!dist\/words\/))/;
  expect(first.filter((id) => heavy.test(id))).toEqual([]);
  // It reads the package.json beside it, and beside the bundle there is none.
  expect(first.filter((id) => id.endsWith('comparison/dist/version.js'))).toEqual([]);
  expect(modulesOf('main.js', chunks).some((id) => id.includes('node_modules/ink/'))).toBe(true); // it can be found
});
