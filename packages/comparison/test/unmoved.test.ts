import { placeKey } from '@llama-probe/dump/stage';
import { CATALOGUE } from '@llama-probe/oracle';
import { expect, test } from 'vitest';
import { unmoved } from '../src/diagnosis/unmoved.js';

const bug = (id: string) => CATALOGUE.find((one) => one.id === id) as (typeof CATALOGUE)[number];
const stages = [0, 1].flatMap((layer) =>
  ['attn_rms', 'ffn_rms'].map((stage) => ({ stage, layer, limit: 1e-5 * (1 + layer) })),
);
const said = (delta: number, layer?: number) => {
  const places = new Set(
    (layer === undefined ? [0, 1] : [layer]).map((layer) => placeKey({ stage: 'ffn_rms', layer })),
  );
  const injected = new Map([
    [
      { bug: bug('rms-eps'), layer },
      { delta, places },
    ],
  ]);
  return unmoved(injected, stages).map(({ what, why }) => `${what}: ${why}`);
};

test('a bug that a run cannot show is told: no number, rounding, or less than the limit', () => {
  const name = 'rms-eps@1, the bug that was put into the run';
  expect(said(0, 1)).toEqual([`${name}: here it changes no number`]);
  expect(said(5e-8, 1)).toEqual([`${name}: here it changes its stage by 5.0e-8 at the most, which is rounding`]);
  expect(said(1.5e-5, 1)).toEqual([`${name}: here it changes its stage by 1.5e-5 at the most, and the limit is 2e-5`]);
});

test('one that a stage shows is not, nor one whose stages were not looked at', () => {
  expect(said(1.5e-5)).toEqual([]); // the limit of layer 0
  expect(said(0.5, 1)).toEqual([]);
  expect(said(Number.POSITIVE_INFINITY, 1)).toEqual([]);
  expect(said(0, 3)).toEqual([]);
  expect(unmoved(new Map(), stages)).toEqual([]);
});
