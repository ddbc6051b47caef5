import { PARTS, runCompare } from '@llama-probe/comparison';
import type { AdapterKind } from '@llama-probe/engine';
import type { Line } from './clock.js';

/** A whole comparison, floors and all, and what of it goes into which part: those of `timings` in its report. */
export async function measureWhole(model: string, adapter: AdapterKind | 'auto'): Promise<Line[]> {
  const tokens = Array.from({ length: 8 }, () => 3 + Math.floor(Math.random() * 30000)); // new ones: floors are cached by them
  const options = { model, adapter, tokens: tokens.join(), steps: 0, reference: 'auto', exactBy: 'auto' } as const;
  const { verdict, reason, timings } = await runCompare(options, { say: () => {} }, new AbortController().signal);
  if (verdict !== 'agree') throw new Error(reason);
  const total = timings.total as number;
  return [
    { name: 'compare, 8 tokens', value: total / 1000, unit: 's' },
    ...PARTS.flatMap((part): Line[] => {
      const spent = timings[part];
      if (spent === undefined) return [];
      return [{ name: `  ${part}`, value: spent / 1000, unit: 's', ratio: spent / total, of: 'it' }];
    }),
  ];
}
