import { expect, test } from 'vitest';
import { mostTelling, openRun, type Run, shareOf, stateOf } from '../app/model.js';
import { runsGridOf } from '../app/runs-grid.js';
import { asksForStage, gridOf, hashOf, moved, nextWrong, viewOf } from '../app/state.js';
import { whyOf, whysCut } from '../app/views/why.js';
import { type PageRun, pack } from '../src/index.js';

/** embd, then a and b in each of three layers, then out; b of layer 1 is a fault, what follows it inherits. */
function sick(changes: Partial<PageRun> = {}): Run {
  const places = [
    { stage: 'embd', layer: null, inputs: [] },
    ...[0, 1, 2].flatMap((layer) => [
      { stage: 'a', layer, inputs: [] },
      { stage: 'b', layer, inputs: [] },
    ]),
    { stage: 'out', layer: null, inputs: [] },
  ];
  const all = [0, 1].flatMap((step) => places.map((_, place) => ({ step, place })));
  const isWrong = ({ place }: { place: number }) => place >= 4;
  const inherits = all.map(({ step, place }) => (place > 4 ? step * places.length + 4 : -1));
  const column = (value: (one: (typeof all)[number]) => number) => pack(all.map(value));
  return openRun({
    name: '',
    verdict: 'diverged',
    reason: '',
    headline: null,
    culprits: [],
    notes: [],
    facts: [],
    inputs: "from llama.cpp's inputs",
    candidate: '',
    reference: '',
    tokens: [],
    places,
    stages: {
      step: all.map(({ step }) => step),
      place: all.map(({ place }) => place),
      rms: column(() => 1),
      rel: column((one) => (isWrong(one) ? 0.5 : 1e-6)),
      floor: column(() => -1),
      limit: column(() => 1e-5),
      ofLimit: column((one) => (isWrong(one) ? 5e4 : one.place === 1 ? 0.6 : 0.1)),
      local: column(({ place }) => (place === 4 ? 0.5 : 0)),
      verdict: all.map((one) => (isWrong(one) ? 'd' : 'a')).join(''),
      inherits,
    },
    first: { at: 4, token: 1, where: null, cause: null },
    faults: [{ place: 4, steps: [0, 1], token: 1, local: 0.5, limit: 1e-5, reason: null, where: null, cause: null }],
    whys: {},
    whysLeft: 0,
    looks: { free: {}, blame: {} },
    cut: '',
    logits: null,
    said: [],
    remarks: [],
    checks: [],
    observations: [],
    unseen: [],
    ignored: [],
    ...changes,
  });
}

test('what a stage is, as it ran and from the reference’s inputs', () => {
  const run = sick();
  expect([0, 1, 4, 5, 12].map((at) => stateOf(run, at, 'free'))).toEqual([
    'agree',
    'near',
    'fault',
    'inherited',
    'fault',
  ]);
  expect([0, 4, 5].map((at) => stateOf(run, at, 'blame'))).toEqual(['agree', 'fault', 'agree']);
  expect(shareOf(run, 4, 'blame')).toBeCloseTo(5e4, -1);
  const untold = sick({ faults: null, stages: { ...run.data.stages, inherits: new Array(16).fill(-1) } });
  expect(stateOf(untold, 5, 'free')).toBe('over');
  expect(stateOf(sick({ stages: { ...run.data.stages, verdict: 'i'.repeat(16) } }), 5, 'free')).toBe('incomparable');
});

test('the address says what is looked at, and what makes no sense is the first wrong stage', () => {
  const runs = [sick(), sick()];
  const view = { run: 1, pass: 'blame', stage: 13 } as const;
  expect(hashOf(view, runs)).toBe('run=2&step-1-layer-2-a&pass=blame');
  expect(viewOf(`#${hashOf(view, runs)}`, runs)).toEqual(view);
  expect(viewOf('#layer-1-b', runs)).toEqual({ run: 0, pass: 'free', stage: 4 });
  expect(viewOf('#step-1-out', runs).stage).toBe(15);
  // Addresses that somebody has kept.
  expect(viewOf('#stage=0/-/embd', runs)).toEqual({ run: 0, pass: 'free', stage: 0 });
  expect(viewOf('#run=2&stage=1/2/a&pass=forced', runs)).toEqual(view);
  const odd = [sick({ places: runs[0]?.data.places.map((one) => ({ ...one, stage: 'a&b=c +%' })) ?? [] })];
  expect(viewOf(`#${hashOf({ run: 0, pass: 'free', stage: 3 }, odd)}`, odd).stage).toBe(3);
  expect(
    ['#layer-1-b', '#stage=0/-/embd', '#pass=blame', '', '#nothing'].map((hash) => asksForStage(hash, runs)),
  ).toEqual([true, true, false, false, false]);
  for (const hash of ['', '#', '#stage=9/9/nothing', '#run=7&pass=what', '#%']) {
    expect(viewOf(hash, runs)).toEqual({ run: 0, pass: 'free', stage: 4 });
  }
  expect(viewOf('#pass=blame', [sick({ faults: null })]).pass).toBe('free');
});

test('what inherits is paler the further it is from its fault, by the range of its step', () => {
  expect([...sick().third]).toEqual([
    [5, 0],
    [6, 1],
    [7, 2],
    [13, 0],
    [14, 1],
    [15, 2],
  ]);
});

test('the map: stages down, layers across; what is before them first, what is after them last', () => {
  expect(gridOf(sick()).map(({ name, places }) => [name, ...places])).toEqual([
    ['embd', 0, undefined, undefined],
    ['a', 1, 3, 5],
    ['b', 2, 4, 6],
    ['out', undefined, undefined, 7],
  ]);
});

test('keys move over it, and never to where there is nothing', () => {
  const grid = gridOf(sick());
  const go = (row: number, column: number, ...keys: string[]) =>
    keys.reduce((cell, key) => moved(grid, cell, key) ?? cell, { row, column });
  expect(go(1, 1, 'ArrowDown', 'ArrowRight')).toEqual({ row: 2, column: 2 });
  expect(go(1, 1, 'ArrowUp')).toEqual({ row: 0, column: 0 });
  expect(go(2, 0, 'ArrowDown')).toEqual({ row: 3, column: 2 });
  expect(go(0, 0, 'ArrowRight', 'ArrowLeft', 'ArrowUp')).toEqual({ row: 0, column: 0 });
  expect(go(1, 1, 'End', 'PageDown', 'Home')).toEqual({ row: 3, column: 2 });
  expect(moved(grid, { row: 1, column: 1 }, 'Enter')).toBeUndefined();
});

test('the next fault goes round the end; where faults were not told, the next wrong stage', () => {
  expect(nextWrong(sick(), 4, 1)).toBe(12);
  expect(nextWrong(sick(), 12, 1)).toBe(4);
  expect(nextWrong(sick(), 4, -1)).toBe(12);
  expect(nextWrong(sick({ faults: null }), 4, 1)).toBe(5);
  const { stages } = sick().data;
  expect(nextWrong(sick({ faults: [], stages: { ...stages, verdict: 'a'.repeat(16) } }), 4, 1)).toBeUndefined();
});

test('what is shown first: what could not be compared where that is the verdict, else the first wrong stage', () => {
  const { stages } = sick().data;
  const untold = { ...stages, verdict: `${'a'.repeat(9)}i${'a'.repeat(6)}` };
  expect(mostTelling(sick())).toBe(4);
  expect(mostTelling(sick({ verdict: 'incomparable', first: null, stages: untold }))).toBe(9);
  expect(mostTelling(sick({ stages: untold }))).toBe(4);
  expect(mostTelling(sick({ verdict: 'agree', first: null, stages: { ...stages, verdict: 'a'.repeat(16) } }))).toBe(4);
});

test('why a stage is wrong belongs to the run that is shown, and what had no room is said', () => {
  const run = sick({ whys: { 4: { where: 'every row' }, 5: { where: 'head 2' } }, whysLeft: 7 });
  expect(whyOf(run, 5, 'free')).toEqual({ where: 'head 2', isLeftOut: false });
  expect(whyOf(run, 5, 'blame')).toEqual({ isLeftOut: false });
  expect(whyOf(run, 6, 'free')).toEqual({ isLeftOut: true });
  expect(whyOf(run, 0, 'free')).toEqual({ isLeftOut: false }); // it agrees
  expect(whysCut(run)).toMatch(/^The page does not say why 7 further stages /);
  expect(whysCut(sick())).toBe('');
  const untold = sick({
    stages: { ...run.data.stages, verdict: 'i'.repeat(16) },
    whys: { 5: { reason: 'other shapes' } },
  });
  expect(whyOf(untold, 5, 'blame')).toEqual({ reason: 'other shapes', isLeftOut: false });
});

test('the map of all runs has the worst stage of each run in each layer, or of each name', () => {
  const other = sick({ name: 'other', faults: null, stages: sick().data.stages });
  const none = { ...other, count: 0 };
  const { columns, rows, items } = runsGridOf([sick({ name: 'one' }), none, other], 'layers');
  expect(columns).toEqual(['0', '1', '2', 'model']);
  expect(rows.map(({ name }) => name)).toEqual(['one', 'other', 'other']);
  const found = (row: number) => rows[row]?.places.map((place) => (place === undefined ? place : items[place]));
  // a of layer 0 is near its limit, b of layer 1 is the fault, and whatever follows inherits it.
  expect(found(0)?.map((one) => one?.stage)).toEqual([1, 4, 5, 7]);
  expect(found(1)).toEqual([undefined, undefined, undefined, undefined]);
  expect(found(2)?.[1]).toEqual({ run: 2, stage: 4 });

  const across = runsGridOf([sick({})], 'stages');
  expect(across.columns).toEqual(['embd', 'a', 'b', 'out']);
  expect(across.rows[0]?.places.map((place) => across.items[place ?? -1]?.stage)).toEqual([0, 5, 4, 7]);

  // Of two that are equally bad, the one that is further over its limit.
  const { data, ofLimit } = sick();
  const further = pack([...ofLimit].map((share, at) => (at === 15 ? 2 * share : share)));
  const later = runsGridOf([sick({ stages: { ...data.stages, ofLimit: further } })], 'stages');
  expect(later.items.at(-1)?.stage).toBe(15);
});
