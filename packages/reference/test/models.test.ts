import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STAGES } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import './support/kept.js';
import { openReference } from '../src/reference.js';

/** Models that people publish, where LLAMA_PROBE_MODELS says they are, and the bundled one. */
const outside = process.env.LLAMA_PROBE_MODELS;
const BUNDLED = fileURLToPath(new URL('../../probe/models/smalltalk-4M-F16.gguf', import.meta.url));

const MODELS = [
  { file: 'ggml-org-stories260K.gguf', layers: 5, text: 'Once upon a time', ids: [1, 403, 407, 261, 378] },
  { file: 'stories260K-F32.gguf', layers: 5, text: 'Once upon a time', ids: [1, 403, 407, 261, 378] },
  { file: 'babyllama-tok361-F32.gguf', layers: 5, text: 'Once upon a time' },
].map((model) => ({
  ...model,
  path: join(outside ?? '', model.file),
  why: 'set LLAMA_PROBE_MODELS to a directory with it',
}));

const every = [
  ...MODELS,
  { file: 'smalltalk-4M-F16.gguf', layers: 4, text: 'Hello', ids: undefined, path: BUNDLED, why: 'not made yet' },
];

describe.each(every)('$file', ({ path, layers, text, ids, why, file }) => {
  const isThere = existsSync(path);
  test.skipIf(!isThere)(
    isThere ? 'gives every stage once per step, and text comes back' : `skipped: ${why}`,
    async () => {
      const reference = await openReference({ model: path, mode: 'native' });
      try {
        const tokens = await reference.tokenize(text);
        if (ids) expect(tokens).toEqual(ids);
        expect(await reference.detokenize(tokens, { special: false })).toContain(text);
        const run = reference.run({ tokens, steps: 1 });
        const stages = new Map<string, number>();
        for await (const { step, stage } of run.tensors) {
          const key = `${step} ${stage}`;
          stages.set(key, (stages.get(key) ?? 0) + 1);
        }
        const expected = [0, 1].flatMap((step) =>
          STAGES.map(({ name, perLayer }) => [`${step} ${name}`, perLayer ? reference.info.model.layers : 1]),
        );
        expect(reference.info.model.layers, file).toBe(layers);
        expect(Object.fromEntries(stages)).toEqual(Object.fromEntries(expected));
        const plain = await reference.run({ tokens, steps: 1, stages: [] }).result;
        expect((await run.result).generated).toEqual(plain.generated);
      } finally {
        await reference.close();
      }
    },
  );
});
