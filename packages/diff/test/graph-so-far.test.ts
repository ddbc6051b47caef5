import { expect, test } from 'vitest';
import { GraphSoFar, graphOf } from '../src/index.js';

test('while layers come, a stage has the inputs that it has in the whole graph', () => {
  const soFar = new GraphSoFar({});
  for (const layer of [0, 0, 1, 2, 3, 4, 4, 7]) {
    const place = { stage: 'ffn_inp', layer };
    const whole = graphOf({}, [{ layer: 7 }]);
    expect(soFar.withLayer(layer).inputsOf(place)).toEqual(whole.inputsOf(place));
    expect(soFar.withLayer(layer).inputsOf(place)).toHaveLength(2);
  }
  // What comes after the last layer starts from the last that was seen, and from none that was only made room for.
  const last = { stage: 'result_rms', layer: null };
  expect(soFar.withLayer(null).inputsOf(last)).toEqual([{ stage: 'l_out', layer: 7 }]);
  expect(soFar.withLayer(null)).toBe(soFar.withLayer(null));
  expect(soFar.withLayer(9).at({ stage: 'l_out', layer: 9 })).toBeDefined();
  expect(soFar.withLayer(null).inputsOf(last)).toEqual([{ stage: 'l_out', layer: 9 }]);
});

test('a graph is not made anew for each layer', () => {
  const soFar = new GraphSoFar({});
  const graphs = new Set(Array.from({ length: 100 }, (_, layer) => soFar.withLayer(layer)));
  expect(graphs.size).toBeLessThan(10);
});
