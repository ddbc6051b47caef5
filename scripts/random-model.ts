/**
 * Writes a random model in the shape of a real one, without a tokenizer: for measuring, at that size. Its text is noise; run it with --tokens.
 *
 *   node scripts/dist/random-model.js dumps/tinyllama-shaped-Q8_0.gguf [--shape tinyllama] [--type Q8_0] [--layers 22] [--seed 1] [--holes]
 *
 * With --holes only the vocabulary, the norms and the first block are on the disk. The matrices of the other blocks are holes in the file: zeros, which are read like any weights, so that a block
 * passes on what it was given.
 */
import { parseArgs } from 'node:util';
import { SHAPES, type ShapeName, TYPES, type TypeName, writeRandomModel } from './random-model/write.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shape: { type: 'string', default: 'tinyllama' },
    type: { type: 'string', default: 'Q8_0' },
    layers: { type: 'string' },
    seed: { type: 'string', default: '1' },
    holes: { type: 'boolean', default: false },
  },
});
const [path] = positionals;
if (!path || !Object.hasOwn(SHAPES, values.shape) || !Object.hasOwn(TYPES, values.type)) {
  console.error(
    'usage: node scripts/dist/random-model.js FILE.gguf [--shape NAME] [--type TYPE] [--layers N] [--seed N] [--holes]',
  );
  console.error(`shapes: ${Object.keys(SHAPES).join(', ')}; types: ${Object.keys(TYPES).join(', ')}`);
  process.exit(2);
}
const bytes = writeRandomModel(path, {
  shape: values.shape as ShapeName,
  type: values.type as TypeName,
  layers: values.layers === undefined ? undefined : Number(values.layers),
  seed: Number(values.seed),
  holes: values.holes,
});
console.log(`${path}: ${bytes} bytes`);
