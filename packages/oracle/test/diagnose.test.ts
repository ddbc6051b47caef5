import { expect, test } from 'vitest';
import type { CatalogueEntry } from '../src/catalogue/entry.js';
import { diagnose } from '../src/diagnose.js';
import { engineRows, randomCase } from './diagnose-cases.js';

const limit = 1e-5;
const entry = (id: string, rest: Partial<CatalogueEntry>): CatalogueEntry => ({
  id,
  title: `${id} is wrong`,
  stages: ['q_rope'],
  changes: '',
  look: `Look at ${id}`,
  source: 'a/b#1',
  variants: () => [],
  example: () => undefined,
  ...rest,
});
const halves = entry('rope-halves', { variants: () => [{ variation: { rope: { pairs: 'halves' } } }] });
const theta = entry('rope-theta', {
  search: {
    name: 'rope_theta',
    range: () => [100, 1e8],
    scale: 'log',
    right: (c) => c.model.config.ropeFreqBase,
    variation: (base) => ({ rope: { base } }),
  },
});
const missing = entry('rope-missing', { variants: () => [{ variation: { rope: { times: 0 } } }], needs: 'two tokens' });

test('halves', async () => {
  const c = randomCase('q_rope');
  for (const v of [
    { rope: { pairs: 'halves' } },
    { rope: { base: 10000 } },
    { rope: { base: 10000, pairs: 'halves' } },
    { rope: { base: 123456 } },
  ] as const) {
    const t = performance.now();
    console.log(
      await diagnose(c, engineRows(c, v), engineRows(c), { limit, catalogue: [halves, theta, missing] }),
      performance.now() - t,
    );
  }
});
