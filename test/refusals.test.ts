import { writeFileSync } from 'node:fs';
import { inShort, writeGguf } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { isRun, LLAMA_VARIATIONS, type LlamaVariation, variationOf } from './support/llama-variations.js';
import { path } from './support/probe.js';
import { probe } from './support/session.js';

/**
 * Every remedy that a message names is carried out; a message must not name one that does not help. Of what is computed, every stage is held to
 * llama.cpp's here, and of some to 1e-5 in test/engine-llama.test.ts.
 */
const [computed, refused] = [true, false].map((is) =>
  LLAMA_VARIATIONS.filter(({ outcome }) => (outcome === 'computed') === is),
) as [LlamaVariation[], LlamaVariation[]];

describe('a model of architecture llama, with', () => {
  test.each([...inShort(refused, 7), ...inShort(computed, 3)].map((one) => [one.name, one] as const))(
    '%s',
    async (_, variation) => {
      const { outcome, isUnsure = false } = variation;
      const model = path('variation.gguf');
      writeFileSync(model, writeGguf(variationOf(variation)).bytes);
      const short = ['--model', model, '--tokens', '1,2,3', '--steps', '0'];

      const { code, stdout, stderr } = await probe(['compare', ...short, '--no-floors', '--json']);
      // on a busy machine progress is told, so that stderr may say something
      if (outcome === 'computed') expect(code, stderr).toBe(0);
      else expect(JSON.parse(stdout)).toMatchObject({ error: { code: outcome } });

      const capture = await probe([
        'capture',
        '--from',
        'llama',
        '--reference',
        'native',
        ...short,
        '--no-floors',
        '--out',
        path('llama.arrow'),
      ]);
      expect(capture.code, capture.stderr).toBe(isRun(variation) ? 0 : 2);
      if (outcome === 'computed') return;
      expect(/capture --from llama/.test(stderr), stderr).toBe(isRun(variation) || isUnsure);
      if (/--quantize Q8_0/.test(stderr)) {
        const requantised = await probe(['compare', ...short, '--quantize', 'Q8_0', '--no-floors']);
        expect(requantised.code, requantised.stderr).toBe(0);
      }
      if (!isRun(variation)) expect(stderr).toMatch(/Convert the model again/);
    },
  );
});
