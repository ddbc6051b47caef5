import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { About } from '@llama-probe/comparison';
import { changesBetween } from '@llama-probe/comparison';
import type { StageResult } from '@llama-probe/diff';
import { CATALOGUE } from '@llama-probe/oracle';
import { changesText, textReport } from '@llama-probe/report';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { conclusion } from '../src/conclusion.js';
import { overlayLines } from '../src/draw/overlay.js';
import { wholeScreen } from '../src/draw/screen.js';
import { scrollEnd } from '../src/draw/scroll-end.js';
import { expected, gridOf } from '../src/grid/cells.js';
import { rowsOf, selected, shownStages, tableRows } from '../src/grid/rows.js';
import { keysOf } from '../src/keys.js';
import { isTooSmall } from '../src/layout.js';
import { cut, fit, lineWidth, skip, wrap } from '../src/line.js';
import { depthOf, painter } from '../src/paint.js';
import { begin, type Effect, type Event, endOf, type State } from '../src/state.js';
import { DIM, INKS } from '../src/tones.js';
import { update } from '../src/update/update.js';
import { exportAs } from '../src/worker/answers.js';
import type { News, ReportHead } from '../src/worker/protocol.js';

const STAGES = ['embd', 'q_proj', 'q_rope', 'k_rope', 'kq', 'l_out', 'result_output'];
const LAYERS = 3;

const about = {
  model: { file: '/models/tiny.gguf', arch: 'llama', quantization: 'F16', layers: LAYERS, bytes: 1 },
  tokens: [1, 2, 3],
  reference: { name: 'llama.cpp', version: '1', mode: 'exact' },
  candidate: { name: 'llama-probe', backend: 'WebGPU', adapter: 'llvmpipe (Mesa)' },
  heads: { heads: 2, headsKv: 1 },
  stages: STAGES,
  layers: null,
  steps: 2,
} satisfies About;

function result(stage: string, layer: number | null, changes: Partial<StageResult> = {}): StageResult {
  const { ofLimit = 0.01, step = 0 } = changes;
  const order = layer === null ? (stage === 'embd' ? 0 : 900) : 1 + layer * 10 + STAGES.indexOf(stage);
  return {
    step,
    layer,
    stage,
    order: order + step * 1000,
    shape: [3, 8],
    count: 24,
    rms: 1e-7,
    rel: ofLimit * 1e-5,
    referenceRms: 1,
    maxAbs: 1e-6,
    worst: { token: 1, index: 2 },
    cosine: 1,
    sqnr: 120,
    distance: 0,
    nan: { candidate: 0, reference: 0 },
    inf: { candidate: 0, reference: 0 },
    firstNonFinite: null,
    floor: 1e-7,
    limit: 1e-5,
    limits: { rel: 1e-5, row: 4e-5, value: 1e-3 },
    ofLimit,
    local: null,
    inherits: null,
    verdict: ofLimit > 1 ? 'diverged' : 'agree',
    worstRow: { token: 1, rel: 1e-7 },
    token: 1,
    where: null,
    ...changes,
  };
}

/** All stages of a step, in evaluation order. */
function pass(step = 0, wrong: Readonly<Record<string, Partial<StageResult>>> = {}): StageResult[] {
  const at = (stage: string, layer: number | null) =>
    result(stage, layer, { step, ...wrong[`${layer ?? '-'}/${stage}`] });
  const inLayers = STAGES.slice(1, -1);
  return [
    at('embd', null),
    ...Array.from({ length: LAYERS }, (_, layer) => inLayers.map((stage) => at(stage, layer))).flat(),
    at('result_output', null),
  ];
}

const NOTHING = { checked: {}, broken: [] };
function report(changes: Partial<ReportHead> = {}): ReportHead {
  const { heads: _, stages: __, layers: ___, steps: ____, ...sides } = about;
  return {
    schema: 1,
    verdict: 'agree',
    reason: 'All stages agree.',
    ...sides,
    floors: { method: 'measured', margin: 10, minimum: 1e-5 },
    first: null,
    faults: null,
    inputsOf: null,
    ignored: [],
    alone: { candidate: { stages: 0, names: [], rows: 0 }, reference: { stages: 0, names: [], rows: 0 } },
    logits: null,
    decode: { firstDiverged: null, firstOtherChoice: null },
    checks: { candidate: NOTHING, reference: NOTHING } as unknown as ReportHead['checks'],
    diagnosis: null,
    tokenDiagnosis: null,
    observations: [],
    unseen: [],
    generated: null,
    top: null,
    timings: { total: 1234 },
    ...changes,
  };
}

const JOB = { command: 'compare', options: {} } as unknown as State['job'];
const start = (size = { columns: 120, rows: 40 }) => begin(JOB, false, size, 0);

/** Everything that happens, one after another; effects are collected. */
function after(state: State, ...events: (Event | News | string)[]): { state: State; effects: Effect[] } {
  const effects: Effect[] = [];
  let now = state;
  for (const event of events) {
    const [next, ...more] = update(now, eventOf(now, event));
    now = next;
    effects.push(...more);
  }
  return { state: now, effects };
}
function eventOf(state: State, event: Event | News | string): Event {
  if (typeof event === 'string') return { type: 'key', key: event, end: scrollEnd(state) };
  return isNews(event) ? { type: 'news', news: event } : event;
}
const isNews = (event: Event | News): event is News => !['key', 'news', 'size', 'tick'].includes(event.type);

const BEGIN: News = { type: 'begin', run: 1, about };
const stages = (found: StageResult[], pass: 'free' | 'blame' = 'free'): News => ({
  type: 'stages',
  pass,
  stages: found,
});
const done = (changes: Partial<ReportHead> = {}, written: string[] = []): News => {
  return { type: 'report', report: report(changes), written, changes: null };
};
const SICK = pass(0, { '1/q_rope': { ofLimit: 500 }, '1/kq': { ofLimit: 90 }, '2/k_rope': { ofLimit: 300 } });
const FIRST = { step: 0, layer: 1, stage: 'q_rope', order: 13, token: 1, cause: null, where: null };
const sick = () => after(start(), BEGIN, stages(SICK), done({ verdict: 'diverged', first: FIRST })).state;
const here = (state: State) => {
  const cell = selected(state);
  return cell && `${cell.result.layer ?? '-'}/${cell.result.stage}`;
};

describe('what comes in', () => {
  test('the map is there before its stages are, in evaluation order', () => {
    const { state } = after(start(), BEGIN);
    const grid = gridOf(state);
    expect(grid.stages).toEqual(STAGES);
    expect(grid.layers).toEqual([0, 1, 2]);
    expect([...grid.wide]).toEqual(['embd', 'result_output']);
    expect(grid.cells.size).toBe(0);
    expect(expected(state)).toBe((2 + 5 * LAYERS) * 3);
  });

  test('before the first stage there is what was done, each once, and what is being done', () => {
    const say = (text: string): News => ({ type: 'progress', text });
    const said = [
      'opening a WebGPU adapter',
      'uploading weights: 5 %',
      'measuring the floor',
      'uploading weights: 40 %',
    ];
    const { state } = after(start(), ...said.map(say));
    expect(text(state)).toMatch(/· opening a WebGPU adapter [^%]*⠋ uploading weights: 40 %[^%]*· measuring the floor /);
    const there = after(state, BEGIN, stages(SICK.slice(0, 3))).state;
    expect(text(there)).not.toContain('WebGPU adapter ');
    expect(after(there, done()).state.phases).toEqual([]);
  });

  test('two dumps say by themselves what they have', () => {
    const unknown = { ...about, stages: null, steps: null, model: { ...about.model, layers: null } };
    const { state } = after(start(), { type: 'begin', run: 1, about: unknown }, stages(pass().reverse()));
    expect(gridOf(state).stages).toEqual(STAGES);
    expect(gridOf(state).layers).toEqual([0, 1, 2]);
    expect(expected(state)).toBeNull();
  });

  test('later pieces of a stage take the place of earlier ones', () => {
    const { state } = after(start(), BEGIN, stages(SICK), stages(pass()));
    expect(rowsOf(state)).toHaveLength(17);
    expect(rowsOf(state).every(({ kind }) => kind === 'agree')).toBe(true);
  });

  test('of several steps the first wrong one tells most, and of right ones the one closest to its limit', () => {
    const { state } = after(
      start(),
      BEGIN,
      stages(pass()),
      stages(pass(1, { '0/kq': { ofLimit: 3 }, '0/l_out': { ofLimit: 0.4 } })),
      stages(pass(2, { '0/kq': { ofLimit: 7 }, '0/l_out': { ofLimit: 0.2 } })),
    );
    const { cells, steps } = gridOf(state);
    expect(steps).toEqual([0, 1, 2]);
    expect(cells.get('0/kq')?.result.step).toBe(1);
    expect(cells.get('0/l_out')?.result.step).toBe(1);
    expect(rowsOf(state).map(({ result: { stage, layer } }) => `${layer ?? '-'}/${stage}`)).toEqual(
      pass().map(({ stage, layer }) => `${layer ?? '-'}/${stage}`),
    );
  });

  test('the cursor goes with what comes until it is moved, and then to the first divergence', () => {
    const half = SICK.slice(0, 8);
    const { state } = after(start(), BEGIN, stages(half));
    expect(here(state)).toBe('1/q_rope');
    expect(here(after(state, stages(SICK)).state)).toBe('-/result_output');
    expect(here(after(state, stages(SICK), done({ verdict: 'diverged', first: FIRST })).state)).toBe('1/q_rope');
    const moved = after(state, 'g', stages(SICK), done({ verdict: 'diverged', first: FIRST })).state;
    expect(here(moved)).toBe('1/embd'.replace('1', '-'));
  });

  test('faults, what inherits them, and what nobody can compare are told apart', () => {
    const inherits = { step: 0, layer: 1, stage: 'q_rope' };
    const found = pass(0, {
      '1/q_rope': { ofLimit: 500 },
      '1/kq': { ofLimit: 90, inherits },
      '2/kq': { verdict: 'incomparable', reason: 'missing in the candidate' },
    });
    const fault = { ...FIRST, steps: [0], local: 1, limit: 1e-5, diagnosis: null };
    const { state } = after(
      start(),
      BEGIN,
      stages(found),
      done({ verdict: 'diverged', first: FIRST, faults: [fault] }),
    );
    const kinds = Object.fromEntries([...gridOf(state).cells].map(([place, { kind }]) => [place, kind]));
    expect(kinds).toMatchObject({ '1/q_rope': 'own', '1/kq': 'inherited', '2/kq': 'incomparable', '0/kq': 'agree' });
  });

  test('a stage that only one side has, and that was not expected, is not shown when all is done', () => {
    const extra = result('kqv_merged', 0, { verdict: 'incomparable' });
    const { state } = after(start(), BEGIN, stages([...pass(), extra]), done({ ignored: ['kqv_merged'] }));
    expect(gridOf(state).stages).toEqual(STAGES);
  });

  test('another run begins with an empty map, and marks what got better and worse', () => {
    const again = after(sick(), { type: 'begin', run: 2, about });
    expect(gridOf(again.state).cells.size).toBe(0);
    expect(again.state.report).toBeNull();
    const at = { step: 0, layer: 1, stage: 'q_rope' };
    const measured = { verdict: 'agree', delta: 0, limit: 1, inherits: null } as const;
    const changes = {
      summary: 'better: 1 stage got better',
      better: [{ ...at, before: measured, after: measured }],
      worse: [],
    } as unknown as Extract<News, { type: 'report' }>['changes'];
    const { state } = after(again.state, stages(pass()), { type: 'report', report: report(), written: [], changes });
    expect(state.change?.marks.get('0/1/q_rope')).toBe('better');
    expect(text(state)).toContain('better: 1 stage got better');
  });

  test('an error before there is anything to see ends the view; later it is shown', () => {
    const failed: News = { type: 'failed', message: 'no such file', code: 'usage', fatal: true };
    expect(after(start(), failed).effects).toEqual([{ type: 'quit' }]);
    const later = after(sick(), failed);
    expect(later.effects).toEqual([]);
    expect(text(later.state)).toContain('no such file');
    const mended: News = { ...failed, fatal: false } as News; // such as a shader that does not compile while it is being written
    expect(after(start(), mended).effects).toEqual([]);
  });
});

describe('keys', () => {
  test('arrows and vim keys move over stages and layers, and stop at the edges', () => {
    const top = after(sick(), 'g', '0').state;
    expect(here(top)).toBe('-/embd');
    expect(here(after(top, 'down').state)).toBe('0/q_proj');
    expect(here(after(top, 'j', 'l', 'l', 'l', 'l').state)).toBe('2/q_proj');
    expect(here(after(top, 'j', 'l', 'left').state)).toBe('0/q_proj');
    expect(here(after(top, 'up', 'k', 'k').state)).toBe('-/embd');
    expect(here(after(top, 'G').state)).toBe('-/result_output');
    expect(here(after(top, 'G', 'ctrl-u').state)).not.toBe('-/result_output');
    expect(here(after(top, '$', 'j').state)).toBe('2/q_proj');
  });

  test('in the table they move over rows, as it is sorted', () => {
    const table = after(sick(), 'tab').state;
    expect(table.focus).toBe('table');
    expect(here(after(table, 'j').state)).toBe('1/k_rope');
    const sorted = after(table, 's').state;
    expect(sorted.sort).toBe('of limit');
    expect(here(after(sorted, 'g').state)).toBe('1/q_rope');
    expect(here(after(sorted, 'g', 'j').state)).toBe('2/k_rope');
  });

  test('n and N go round through what is over its limit', () => {
    const visited = ['n', 'n', 'n', 'N'].reduce<{ state: State; at: (string | undefined)[] }>(
      ({ state, at }, key) => {
        const next = after(state, key).state;
        return { state: next, at: [...at, here(next)] };
      },
      { state: sick(), at: [] },
    );
    expect(visited.at).toEqual(['1/kq', '2/k_rope', '1/q_rope', '2/k_rope']);
    const healthy = after(start(), BEGIN, stages(pass()), done()).state;
    expect(after(healthy, 'n').state.notice?.text).toContain('No stage');
  });

  test.each([
    ['rope', ['0/q_rope', '0/k_rope', '1/q_rope', '1/k_rope', '2/q_rope', '2/k_rope']],
    ['rope l1', ['1/q_rope', '1/k_rope']],
    ['l0-1 kq', ['0/kq', '1/kq']],
    ['>1', ['1/q_rope', '1/kq', '2/k_rope']],
    ['diverged l2', ['2/k_rope']],
    ['nothing', []],
  ])('the filter %s', (filter, left) => {
    const { state } = after(sick(), '/', ...filter, 'enter');
    expect(rowsOf(state).map(({ result: { stage, layer } }) => `${layer}/${stage}`)).toEqual(left);
    expect(shownStages(state)).toEqual(STAGES.filter((stage) => left.some((place) => place.endsWith(`/${stage}`))));
    expect(text(state)).not.toContain('undefined');
    expect(after(state, 'escape').state.filter).toBe('');
  });

  test('while a filter is typed, keys are letters; q does not quit', () => {
    const typed = after(sick(), '/', 'q', 'n', 'backspace');
    expect(typed.effects).toEqual([]);
    expect(typed.state.filter).toBe('q');
    expect(after(typed.state, 'escape').state).toMatchObject({ filter: '', isTyping: false });
  });

  test('enter opens the stage under the cursor; its rows are asked for, and come', () => {
    const opened = after(sick(), 'enter');
    const at = { step: 0, layer: 1, stage: 'q_rope' };
    expect(opened.effects).toEqual([{ type: 'detail', pass: 'free', at, row: null }]);
    const detail = {
      tokens: [0, 1, 2],
      rows: [1e-7, 2e-3, 1e-7],
      heads: 2,
      headRows: [1e-7, 1e-7, 2e-3, 1e-7, 1e-7, Number.NaN],
      histogram: { zeros: 1, nonFinite: 1, exponent: -20, counts: [3, 0, 9] },
      worst: [{ token: 1, index: 3, candidate: 2, reference: 1 }],
    };
    const row = {
      index: 1,
      token: 1,
      candidate: Float32Array.of(1, 2, 3, 2, 1, 2, 3, 4),
      reference: Float32Array.of(1, 2, 3, 1, 1, 2, 3, 4),
    };
    const { state } = after(opened.state, { type: 'detail', pass: 'free', at, detail, row });
    for (const tab of ['1', '2', '3', '4', '5', '6', '7', '8'])
      expect(text(after(state, tab).state)).not.toContain('undefined');
    expect(text(after(state, '2').state)).toMatch(/0:3 +2 +1 +1\.0e\+0/);
    expect(after(state, 'right').effects).toEqual([{ type: 'detail', pass: 'free', at, row: 2 }]);
    expect(after(state, 'w').state.detail).toMatchObject({ tab: 'values', row: 1, scroll: 3 });
    expect(here(after(state, 'n').state)).toBe('1/kq');
    expect(after(state, 'escape').state.detail).toBeNull();
    const lost = after(opened.state, { type: 'detail', pass: 'free', at, detail, row: null }, '2').state;
    expect(text(lost)).toContain('not kept');
    const other = { ...at, layer: 0 }; // an answer that comes when something else is open
    expect(after(opened.state, { type: 'detail', pass: 'free', at: other, detail, row }).state.detail?.news).toBeNull();
  });

  test('the last view is what a row means: the highest logits, or the probabilities of a head', () => {
    const top = after(sick(), 'G', 'enter', '7').state;
    const at = { step: 0, layer: null, stage: 'result_output' };
    const nothing = { histogram: { zeros: 0, nonFinite: 0, exponent: 0, counts: [] }, worst: [] };
    const none = { tokens: [2], rows: [0], heads: null, headRows: null, ...nothing };
    const logits = {
      index: 0,
      token: 2,
      candidate: Float32Array.of(0, 9, NaN, 3),
      reference: Float32Array.of(0, 3, 5, 9),
    };
    const shown = text(after(top, { type: 'detail', pass: 'free', at, detail: none, row: logits }).state);
    expect(shown).toMatch(/1 +9\.0000 {2}1 +9\.0000 {2}3/);
    expect(shown).toMatch(/2 +3\.0000 {2}3 +5\.0000 {2}2/);

    const scores = result('kq_soft_max', 0);
    const opened = after(top, 'escape', stages([scores]), '/', ...'soft', 'enter', 'enter').state;
    const row = {
      index: 0,
      token: 1,
      candidate: Float32Array.of(1, 0, 0.25, 0.75),
      reference: Float32Array.of(1, 0, 0.5, 0.5),
    };
    const detail = { ...none, tokens: [1], heads: 2, headRows: [0, 1] };
    const { step, layer, stage } = scores;
    const first = after(opened, { type: 'detail', pass: 'free', at: { step, layer, stage }, detail, row }).state;
    expect(text(first)).toMatch(/head 0 of 2[\s\S]*0 +1\.0000 █+ +1\.0000/);
    expect(text(after(first, '}').state)).toMatch(/head 1 of 2[\s\S]*0 +0\.2500 █+.? +0\.5000/);
  });

  test('t shows the other pass, offers it where it was not run, and says why it cannot', () => {
    expect(after(start(), BEGIN, 't').state.notice?.text).toContain('not done');
    const healthy = after(start(), BEGIN, stages(pass()), done()).state;
    expect(after(healthy, 't', 'y').effects).toEqual([{ type: 'blame' }]);
    expect(after(healthy, 't', 'escape').effects).toEqual([]);
    const { state } = after(healthy, stages(pass(0, { '1/kq': { ofLimit: 9 } }), 'blame'), 't');
    expect(state.pass).toBe('blame');
    expect(gridOf(state).cells.get('1/kq')?.kind).toBe('own');
    const dumps = { command: 'diff', candidate: 'a', reference: 'b', options: {} } as State['job'];
    expect(after({ ...healthy, job: dumps }, 't').state.notice?.text).toContain('Dumps');
  });

  test('an export asks before it replaces a file', () => {
    const asked = after(sick(), 'e', 'down', 'enter');
    expect(asked.state.overlay).toEqual({
      kind: 'path',
      output: 'markdown',
      path: 'report.md',
      replace: false,
      problem: null,
    });
    const sent = after(asked.state, 'x', 'enter');
    expect(sent.effects).toEqual([{ type: 'export', output: 'markdown', path: 'report.mdx', replace: false }]);
    const there: News = {
      type: 'not-exported',
      path: 'report.mdx',
      reason: 'report.mdx is there already',
      exists: true,
    };
    const again = after(sent.state, there);
    expect(after(again.state, 'enter').effects).toEqual([]);
    expect(after(again.state, 'y').effects).toEqual([
      { type: 'export', output: 'markdown', path: 'report.mdx', replace: true },
    ]);
    expect(after(again.state, 'n').state.overlay).toMatchObject({ replace: false });
    expect(after(again.state, { type: 'exported', path: 'report.mdx' }).state).toMatchObject({
      overlay: null,
      written: ['report.mdx'],
    });
  });

  test('steps go round, and a shows all of them again', () => {
    const { state } = after(start(), BEGIN, stages(pass()), stages(pass(1)));
    expect(after(state, ']').state.step).toBe(0);
    expect(after(state, ']', ']').state.step).toBe(1);
    expect(after(state, ']', ']', ']').state.step).toBe('all');
    expect(after(state, '[').state.step).toBe(1);
    expect(after(state, '[', 'a').state.step).toBe('all');
  });

  test('q and ctrl-c leave; ctrl-c also from what lies over the screen', () => {
    expect(after(sick(), 'q').effects).toEqual([{ type: 'quit' }]);
    expect(after(sick(), 'e', 'ctrl-c').effects).toEqual([{ type: 'quit' }]);
    expect(after(sick(), '?', '?', 'q').effects).toEqual([]);
    expect(after(sick(), 'enter', 'q').state.detail).toBeNull();
  });

  test('what is typed fast comes in one piece, and every key of it counts', () => {
    const none = { upArrow: false, ctrl: false, shift: false } as unknown as Parameters<typeof keysOf>[1];
    expect(keysOf('jj\rq', none)).toEqual(['j', 'j', 'enter', 'q']);
    expect(keysOf('q', { ...none, meta: true })).toEqual(['escape', 'q']);
    expect(keysOf('', { ...none, escape: true, meta: true })).toEqual(['escape']);
    expect(keysOf('\x04', none)).toEqual(['ctrl-d']);
    expect(keysOf('', { ...none, downArrow: true })).toEqual(['down']);
    expect(keysOf('c', { ...none, ctrl: true })).toEqual(['ctrl-c']);
    expect(keysOf('', { ...none, tab: true, shift: true })).toEqual(['shift-tab']);
  });
});

/** The screen without colours. */
const text = (state: State): string =>
  wholeScreen(state)
    .map((line) => line.map(([piece]) => piece).join(''))
    .join('\n');

describe('what a word means', () => {
  const inverse = (state: State) =>
    wholeScreen(state).flatMap((line) =>
      line.filter(([, ...tones]) => tones.includes('inverse')).map(([piece]) => piece.trim()),
    );

  test('? says what the stage under the cursor is; arrows go through the words, each marked where it stands', () => {
    expect(after(sick(), '?').state.overlay).toEqual({ kind: 'word', word: 'first wrong' }); // blame was not run
    const fault = { ...FIRST, steps: [0], local: 1, limit: 1e-5, diagnosis: null };
    const blamed = after(start(), BEGIN, stages(SICK), done({ verdict: 'diverged', first: FIRST, faults: [fault] }));
    const asked = after(blamed.state, '?').state;
    expect(asked.overlay).toEqual({ kind: 'word', word: 'fault' });
    expect(text(asked)).toContain('wrong even from inputs that both sides had');
    const before = after(asked, 'left').state;
    expect(before.overlay).toEqual({ kind: 'word', word: 'of limit' });
    expect(inverse(before)).toContain('of limit');
    expect(inverse(asked)).not.toContain('of limit');
    const words = new Set<string>();
    let state = asked;
    for (let i = 0; i < 20; i++) {
      state = after(state, 'right').state;
      if (state.overlay?.kind === 'word') {
        words.add(state.overlay.word);
        if (state.overlay.word !== 'fault') expect(inverse(state)).toContain(state.overlay.word);
      }
    }
    for (const word of ['exact', 'free run', 'relative', 'limit', 'local', 'fault']) expect([...words]).toContain(word);
    expect(after(state, 'escape').state.overlay).toBeNull();
    const near = after(blamed.state, 'enter', '8', '?').state;
    expect(near.overlay).toEqual({ kind: 'word', word: 'fault' });
  });

  test('once more it is the keys, and none of them does nothing', () => {
    const help = (state: State) =>
      overlayLines(state, { kind: 'help', scroll: 0 })
        .map((line) => line.map(([piece]) => piece).join(''))
        .join('\n');
    expect(after(sick(), '?', '?').state.overlay).toMatchObject({ kind: 'help' });
    const all = help(after(sick(), { type: 'size', size: { columns: 120, rows: 60 } }).state);
    for (const key of ['n N', 'e  ', 's  ', 't  ', '0 $']) expect(all).toContain(key);
    expect(all).not.toContain('run before'); // nothing is watched
    const begun = help(
      after(begin(JOB, true, { columns: 120, rows: 60 }, 0), BEGIN, stages(pass(0).slice(0, 3))).state,
    );
    for (const does of ['next, previous fault', 'export', 'fold', 'remedy', 'decoded tokens'])
      expect(begun).not.toContain(does);
    expect(begun).toContain('run before');
  });
});

describe('what is drawn', () => {
  const many = { ...about, model: { ...about.model, layers: 80 } };
  test.each([
    [60, 16],
    [80, 24],
    [100, 30],
    [139, 33],
    [200, 60],
    [320, 100],
  ])('fits %d × %d exactly, whatever is shown', (columns, rows) => {
    const size: Event = { type: 'size', size: { columns, rows } };
    const some = sick();
    const all = [
      start({ columns, rows }),
      after(start({ columns, rows }), { type: 'begin', run: 1, about: many }, stages(SICK)).state,
    ];
    const keys = [
      [],
      ['enter'],
      ['tab', 's'],
      ['/', 'x'],
      ['enter', '8'],
      ['enter', '3'],
      ['?'],
      ['?', '?'],
      ['e'],
      ['e', 'enter'],
    ];
    for (const pressed of keys) all.push(after(some, size, ...pressed).state);
    for (const state of all) {
      const lines = wholeScreen(state);
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect(lineWidth(line)).toBe(columns);
    }
  });

  test('a terminal that is too small is told what is wanted', () => {
    const state = start({ columns: 30, rows: 5 });
    expect(isTooSmall(state.size)).toBe(true);
    expect(text(state).replaceAll('\n', ' ')).toMatch(/60 × 16.*30 × 5/);
  });

  test('every class of stage has a glyph of its own, without any colour', () => {
    const found = pass(0, {
      '0/q_proj': { ofLimit: 0.01 },
      '0/q_rope': { ofLimit: 0.3 },
      '0/k_rope': { ofLimit: 0.9 },
      '0/kq': { ofLimit: 9 },
      '1/q_rope': { ofLimit: 500 },
      '1/kq': { ofLimit: 90, inherits: FIRST },
      '2/kq': { verdict: 'incomparable' },
    }).slice(0, -1);
    const shown = text(after(start(), BEGIN, stages(found), done({ verdict: 'diverged', first: FIRST })).state);
    for (const glyph of ['·', '░', '▒', '▓', '█', '✗', '↳', '?']) expect(shown).toContain(glyph);
  });

  test('colours as many as the terminal has, and none where they are not wanted', () => {
    expect(depthOf({ NO_COLOR: '1', COLORTERM: 'truecolor' })).toBe(0);
    expect(depthOf({ COLORTERM: 'truecolor' })).toBe(24);
    expect(depthOf({ TERM: 'xterm-256color' })).toBe(256);
    expect(depthOf({ TERM: 'linux' })).toBe(16);
    expect(painter(0)([['a', 'vermillion', 'bold']])).toBe('\x1b[1ma\x1b[0m');
    expect(painter(256)([['a', 'blue'], ['b']])).toBe('\x1b[38;5;32ma\x1b[0mb');
  });

  test('texts from outside neither move the cursor nor break the frame', () => {
    expect(cut('日本語', 5)).toBe('日本…');
    expect(lineWidth(fit([['日本語'], ['abc']], 4))).toBe(4);
    expect(skip([['ab'], ['日本語', 'bold']], 3)).toEqual([[' 本語', 'bold']]);
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    const evil = { ...about, model: { ...about.model, file: '/a/\x1b[2J\nx.gguf' } };
    expect(text(after(start(), { type: 'begin', run: 1, about: evil }).state)).toContain('·[2J·x.gguf');
  });
});

/** A larger model: its first layer has a fault, and all that comes after inherits it. */
function large(layers: number, size = { columns: 80, rows: 24 }): State {
  const many = { ...about, model: { ...about.model, layers } };
  const found = Array.from({ length: layers }, (_, layer) =>
    STAGES.slice(1, -1).map((stage) => result(stage, layer, { ofLimit: layer === 0 ? 0.2 : 84_123 })),
  ).flat();
  return after(start(size), { type: 'begin', run: 1, about: many }, stages(found)).state;
}

describe('what is wrong is the only thing that stands out', () => {
  const from = (stage: string, layer: number) => ({ ofLimit: 90, inherits: { step: 0, layer, stage } });
  const found = pass(0, {
    '0/q_rope': { ofLimit: 500 },
    '0/kq': from('q_rope', 0),
    '0/l_out': from('q_rope', 0),
    '1/q_proj': from('q_rope', 0),
    '1/q_rope': { ofLimit: 500 },
    '2/l_out': from('q_rope', 1),
    '-/result_output': from('q_rope', 0),
  });
  const faults = [0, 1].map((layer) => ({ ...FIRST, layer, steps: [0], local: 1, limit: 1e-5, diagnosis: null }));
  const first = { ...FIRST, layer: 0 };
  const bugs = (state: State) => after(state, BEGIN, stages(found), done({ verdict: 'diverged', first, faults })).state;
  const inTable = (state: State) => tableRows(state).map(({ folded }) => folded.length);

  test('what inherits is folded into a row where it stands, and a key unfolds it', () => {
    const state = bugs(start());
    expect(text(state)).toMatch(/↳ 3 stages inherit from q_rope 0 {2}f unfolds/);
    expect(text(state)).toMatch(/↳ 2 stages inherit from what is above/);
    expect(inTable(state).filter((count) => count > 0)).toEqual([3, 2]);
    const open = after(state, 'f').state;
    expect(text(open)).not.toContain('stages inherit');
    expect(rowsOf(open)).toEqual(rowsOf(state));
    expect(text(after(open, 'f').state)).toContain('3 stages inherit');
    // Who looks for something sees all of it.
    for (const keys of [['s'], ['/', 'k', 'q', 'enter']]) expect(inTable(after(state, ...keys).state)).not.toContain(3);
  });

  test('a row that is folded is one step for the cursor, and is where the map says what is in it', () => {
    const table = after(bugs(start()), 'tab', 'j', 'j').state; // from q_rope over k_rope
    expect(here(table)).toBe('0/kq');
    expect(text(table)).toMatch(/▸ +↳ 3 stages/);
    expect(here(after(table, 'j').state)).toBe('1/q_rope');
    expect(text(after(table, 'tab', 'j').state)).toMatch(/▸ +↳ 3 stages/); // l_out of layer 0, in the map
  });

  test('it is dim, and paler the further it is from its fault, by the furthest of this run', () => {
    const { cells } = gridOf(bugs(start()));
    expect(['0/kq', '1/q_proj', '2/l_out', '-/result_output'].map((place) => cells.get(place)?.third)).toEqual([
      0, 0, 0, 2,
    ]);
    const near = pass(0, {
      '0/q_rope': { ofLimit: 500 },
      '0/kq': from('q_rope', 0),
      '1/kq': from('q_rope', 0),
      '2/q_proj': from('q_rope', 0),
      '2/kq': from('q_rope', 0),
    });
    const { state } = after(start(), BEGIN, stages(near), done({ verdict: 'diverged', first, faults }));
    const thirds = gridOf(state).cells;
    expect(['0/kq', '1/kq', '2/q_proj', '2/kq'].map((place) => thirds.get(place)?.third)).toEqual([0, 1, 2, 2]);
    const lines = wholeScreen(after(state, 'f').state);
    const row = lines.find((line) => line.some(([piece]) => / 1 kq /.test(piece))) ?? [];
    expect(row.find(([piece]) => / 1 kq /.test(piece))).toContain('dim');
    expect(row.flatMap(([, ...tones]) => tones)).not.toContain('vermillion');
  });

  test('only keys that do something are offered', () => {
    const offered = (state: State) => text(state).split('\n').at(-1) ?? '';
    const wide = { columns: 200, rows: 40 };
    const empty = offered(after(start(wide), BEGIN).state);
    for (const hint of ['open', 'next fault', 'blame', 'export', 'step', 'more', 'fold'])
      expect(empty).not.toContain(hint);
    const healthy = after(start(wide), BEGIN, stages(pass()), stages(pass(1)), done()).state;
    expect(offered(healthy)).toMatch(/⏎ open {2}\/ filter {2}t blame {2}s sort {2}e export .*\[ \] step/);
    expect(offered(healthy)).not.toMatch(/next fault|fold|more/);
    expect(offered(bugs(start(wide)))).toMatch(/⏎ open {2}n next fault {2}i more {2}f unfold {2}/);
    const dumps = { command: 'diff', candidate: 'a', reference: 'b', options: {} } as State['job'];
    expect(offered({ ...healthy, job: dumps })).not.toContain('blame');
    expect(offered(after(healthy, 'enter').state)).not.toMatch(/head|token|worst|next fault/);
  });

  test.each([
    [80, 24],
    [80, 16],
    [60, 16],
  ])('at %d × %d every known bug is named with all of its remedy', (columns, rows) => {
    for (const { id, title, look } of CATALOGUE) {
      const cause = { id, title, confidence: 'confirmed', delta: 0 } as const;
      const evidence = 'recomputed from the stage’s own inputs with this bug, the rows differ by nothing.';
      const diagnosis = {
        confidence: 'confirmed',
        bug: title,
        look: `${look}.`,
        evidence,
        text: '',
        candidates: [],
        indistinguishable: [],
      } as const;
      const named = faults.map((fault) => ({ ...fault, cause, diagnosis }));
      const verdict = done({ verdict: 'diverged', first: { ...first, cause }, faults: named, diagnosis });
      const shown = text(after(start({ columns, rows }), BEGIN, stages(found), verdict).state);
      const top = shown.slice(0, shown.indexOf('╭')).replace(/\s+/g, ' ');
      expect(top).toContain(`${title}: q_rope, layers 0 to 1 look ${look}`.replace(/\s+/g, ' '));
      expect(shown).toContain('│▸q_rope');
    }
  });

  test('all causes are in one place, each with its remedy', () => {
    const unknown = after(bugs(start({ columns: 80, rows: 24 })), 'i').state;
    expect(text(unknown)).toMatch(/Unknown bug: q_rope, layers 0 to 1 [\s\S]*where to look: Adjacent pairs/);
  });
});

describe('what is wrong does not look right', () => {
  const NAN = {
    firstNonFinite: { token: 1, index: 2 },
    ofLimit: Number.POSITIVE_INFINITY,
    rel: 0,
    rms: 0,
    reason: 'NaN in the candidate: 3, the first is at token 1, index 2',
  } as const;
  const MISSING = { verdict: 'incomparable', rel: 0, rms: 0, ofLimit: 0, reason: 'missing in the candidate' } as const;

  test('NaN is NaN in the table, the banner, the status and from near; what is missing has no number', () => {
    const found = pass(0, { '1/q_rope': NAN, '2/kq': MISSING });
    const verdict = done({ verdict: 'diverged', reason: 'q_rope diverged', first: FIRST });
    const { state } = after(start({ columns: 200, rows: 40 }), BEGIN, stages(found), verdict);
    const lines = text(state).split('\n');
    expect(lines.find((line) => line.includes('first wrong'))).toMatch(/Δ NaN \(∞ ×\).*NaN in the candidate: 3/);
    expect(lines.find((line) => / 1 q_rope /.test(line))).toMatch(/NaN +NaN/);
    expect(lines.find((line) => / 2 kq /.test(line))).toMatch(/– +–.* – /);
    expect(lines.at(-2)).toContain('relative NaN');
    expect(text(after(state, 'enter').state)).toContain('relative NaN (∞ ×)');
    const sorted = after(state, 's', 's').state;
    expect(rowsOf(sorted)[0]?.result).toMatchObject({ stage: 'q_rope', layer: 1 });
  });

  test('what changed since the run before says so too', () => {
    const before = { ...report(), stages: pass() };
    const after = { ...before, stages: pass(0, { '1/q_rope': { ...NAN, verdict: 'diverged' }, '2/kq': MISSING }) };
    const said = changesText(changesBetween(before, after));
    expect(said).toMatch(/q_rope of layer 1 1\.0e-7 → not finite/);
    expect(said).toMatch(/kq of layer 2 1\.0e-7 → none/);
  });

  test('a fault that is NaN is NaN from the reference’s inputs too', () => {
    const fault = { ...FIRST, steps: [0], local: 0, limit: 1e-5, diagnosis: null };
    const verdict = done({ verdict: 'diverged', first: FIRST, faults: [fault] });
    const found = pass(0, { '1/q_rope': { ...NAN, local: 0 } });
    const wide = start({ columns: 200, rows: 40 });
    const { state } = after(wide, BEGIN, stages(found), stages(found, 'blame'), verdict);
    expect(text(state).split('\n').at(-2)).toContain('local NaN');
    expect(text(state)).toMatch(/first wrong: q_rope of layer 1 · Δ NaN/);
  });

  test('controls and marks that turn the direction of writing reach no terminal, and take one column', () => {
    const evil = 'q\x1b[2J\x9b31m\u202exx\u2066';
    expect(lineWidth([[evil]])).toBe(lineWidth([['q·[2J·31m·xx·']]));
    expect(painter(0)([[evil]])).toBe('q·[2J·31m·xx·');
    const found = [...pass(), result(evil, 0, { ofLimit: 9, reason: evil })];
    const evilVerdict = done({ verdict: 'diverged', reason: evil, first: { ...FIRST, stage: evil, layer: 0 } });
    const { state } = after(start(), BEGIN, stages(found), evilVerdict);
    for (const keys of [[], ['enter'], ['/', ...evil]]) {
      const shown = wholeScreen(after(state, ...keys).state);
      for (const line of shown) {
        expect(lineWidth(line)).toBe(120);
        expect(painter(0)(line.map(([piece]) => [piece]))).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }
    }
    const stage = result(evil, 0, { reason: evil });
    const report_ = { ...report({ reason: evil }), stages: [stage] };
    expect(textReport(report_).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    const said = conclusion({ ...endOf(state), written: [evil] });
    expect(said.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
  });

  test('the share of the limit has a column, however many layers there are', () => {
    for (const layers of [22, 32, 80]) {
      expect(
        text(large(layers))
          .split('\n')
          .find((line) => line.includes('of limit')),
      ).toBeDefined();
      expect(text(after(large(layers), 'G', 'k').state)).toContain('8e+4 ×');
      expect(text(large(layers, { columns: 60, rows: 16 }))).toContain('of limit');
    }
  });

  test('at 80 × 24 the numbers, the names of the views, the legend’s first glyphs and the help are there', () => {
    const cause = 'It is because of this and that and many other things that are said here at length. '.repeat(9);
    const diagnosis = { confidence: 'confirmed', candidates: [], text: cause } as unknown as ReportHead['diagnosis'];
    const verdict = done({ verdict: 'diverged', first: FIRST, diagnosis });
    const { state } = after(start({ columns: 80, rows: 24 }), BEGIN, stages(SICK), verdict);
    const near = text(after(state, 'enter').state);
    for (const fact of ['relative 5.0e-3 (500 ×)', 'limit 1e-5', 'worst row token 1', 'local not run']) {
      expect(near).toContain(fact);
    }
    expect(near).toMatch(/1 overview 2 values 3 tokens 4 heads 5 histogram 6 worst 7 row 8 facts/);
    expect(text(after(state, 'G', 'enter').state)).toMatch(/5 hist 6 worst 7 logits 8 facts/);
    expect(text(state)).toMatch(/first wrong: q_rope of layer 1 · Δ 5\.0e-3 \(500 ×\)/);
    expect(text(state)).toMatch(/╰─ █over ✗fault/);
    for (const columns of [80, 60]) {
      const size: Event = { type: 'size', size: { columns, rows: 70 } };
      const help = overlayLines(after(state, size).state, { kind: 'help', scroll: 0 });
      expect(help.map((line) => line.map(([piece]) => piece).join('')).join('\n')).not.toContain('…');
    }
  });

  const inks = Object.entries(INKS).filter(([name]) => name !== 'yellow');
  test.each([
    ...inks.map(([name, ink]) => [name, ink, 3] as const),
    ['dim text', DIM, 4.5] as const, // small, and there is much of it
  ])('%s can be read on black and on white', (_, ink, least) => {
    for (const rgb of [ink.rgb, ofThe256(ink.near)]) {
      const [r = 0, g = 0, b = 0] = rgb.map((part) => ((part / 255 + 0.055) / 1.055) ** 2.4);
      const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
      expect(1.05 / (luminance + 0.05)).toBeGreaterThan(least);
      expect((luminance + 0.05) / 0.05).toBeGreaterThan(least);
    }
  });

  test('dim is that grey wherever there are colours enough, and never a thinner one', () => {
    for (const depth of [256, 24] as const) expect(painter(depth)([['a', 'dim']])).not.toMatch(/\[2m|\[2;/);
    expect(painter(256)([['a', 'dim']])).toBe('\x1b[38;5;243ma\x1b[0m');
    expect(painter(16)([['a', 'dim']])).toBe('\x1b[2ma\x1b[0m');
  });

  test('what never came does not look as if it would', () => {
    const { state } = after(start(), BEGIN, stages(SICK.slice(0, 5)));
    expect(text(state)).toMatch(/l_out .*·/);
    expect(text(after(state, done()).state)).not.toMatch(/l_out .*·/);
  });

  test('where there is nothing to show the report says why, and what else it knows stays with the verdict', () => {
    const diagnosis = { title: 'BOS is missing', text: 'The candidate has no BOS.', id: 'x', at: 0, source: '' };
    const changes = {
      verdict: 'incomparable',
      reason: 'The tokens differ.',
      tokenDiagnosis: diagnosis as unknown as ReportHead['tokenDiagnosis'],
      unseen: [{ what: 'tiles', why: 'too few tokens', remedy: 'give more' }],
    } as const;
    const { state } = after(start(), BEGIN, done(changes));
    expect(text(state)).toContain('BOS is missing. The candidate has no BOS.');
    expect(text(after(state, 'i').state)).toContain('not seen: tiles (too few tokens; give more)');
    expect(conclusion(endOf(state))).toMatch(/BOS is missing[\s\S]*not seen: tiles/);
    const narrow = conclusion(endOf(state), 30);
    expect(narrow.split('\n').filter((line) => line.length > 30 && line.trim().includes(' '))).toEqual([]);
    expect(narrow.split(/\s+/)).toEqual(conclusion(endOf(state)).split(/\s+/)); // no word is broken or lost
  });
});

/** The colours of the cube of 256. */
function ofThe256(number: number): readonly number[] {
  const levels = [0, 95, 135, 175, 215, 255];
  if (number >= 232) return Array(3).fill(8 + 10 * (number - 232));
  return [36, 6, 1].map((place) => levels[Math.floor((number - 16) / place) % 6] as number);
}

describe('what was found is not lost', () => {
  const again: News = { type: 'begin', run: 2, about };

  test('a run that is left unfinished leaves the verdict before it, with a note; one that fails is an error', () => {
    const left = endOf(after(sick(), again).state);
    expect(left).toMatchObject({ report: { verdict: 'diverged' }, isUnfinished: true, failure: null });
    expect(conclusion(left)).toContain('the run before');
    const failed: News = { type: 'failed', message: 'no shader', code: 'usage', fatal: true };
    expect(endOf(after(sick(), again, failed).state).failure?.message).toBe('no shader');
    expect(endOf(after(sick(), failed).state).failure?.message).toBe('no shader');
    expect(endOf(sick())).toMatchObject({ isUnfinished: false, failure: null });
    expect(endOf(after(start(), BEGIN).state)).toMatchObject({ report: null, isUnfinished: false });
  });

  test('a comparing process that ends after its verdict leaves it; who would have to be asked is said to be gone', () => {
    const gone: News = { type: 'failed', message: 'it was ended by SIGKILL', code: 'worker', fatal: true };
    const { state, effects } = after(sick(), gone);
    expect(effects).toEqual([]);
    expect(text(state)).toContain('process is gone');
    expect(endOf(state)).toMatchObject({ report: { verdict: 'diverged' }, failure: null });
    expect(text(after(state, 'enter').state)).toContain('process is gone');
    const exported = after(state, 'e', 'enter', 'enter');
    expect(exported.effects).toEqual([]);
    expect(text(exported.state)).toContain('process is gone');
    expect(after(state, 't').state).toMatchObject({ overlay: null, notice: { text: expect.stringContaining('gone') } });
  });

  test('a run of blame is asked for once, and shown when it has come', () => {
    const healthy = after(start(), BEGIN, stages(pass()), done()).state;
    const twice = after(healthy, 't', 'y', 't', 'y');
    expect(twice.effects).toEqual([{ type: 'blame' }]);
    const { state } = after(twice.state, again, stages(pass()), stages(pass(), 'blame'), done());
    expect(state.pass).toBe('blame');
    expect(text(after(state, 'enter').state)).toMatch(/local 1\.0e-7/);
  });

  test('with some layers only, the cursor is in them, and a first divergence elsewhere is said to be', () => {
    const some: News = { type: 'begin', run: 1, about: { ...about, layers: [2], stages: STAGES.slice(1, -1) } };
    const begun = after(start(), some).state;
    expect(begun.cursor.layer).toBe(2);
    const found = STAGES.slice(1, -1).map((stage) => result(stage, 2, stage === 'k_rope' ? { ofLimit: 9 } : {}));
    const { state } = after(begun, stages(found), done({ verdict: 'diverged', first: FIRST }));
    expect(here(state)).toBe('2/k_rope');
    expect(text(state)).toMatch(/first wrong: q_rope of layer 1 · Δ – · outside the selection/);
  });

  test('an export that fails says why, and the name is still there; an answer about another name is not heard', () => {
    const asked = after(sick(), 'e', 'down', 'enter').state;
    const no = (path: string, exists: boolean): News => ({
      type: 'not-exported',
      path,
      exists,
      reason: 'no such folder',
    });
    const failed = after(asked, no('report.md', false)).state;
    expect(failed.overlay).toMatchObject({ kind: 'path', path: 'report.md', problem: 'no such folder' });
    expect(text(failed)).toContain('no such folder');
    expect(after(failed, 'x').state.overlay).toMatchObject({ path: 'report.mdx', problem: null });
    expect(after(asked, 'x', no('report.md', true)).state.overlay).toMatchObject({ replace: false });
  });

  test('scrolling stops at the last line, and comes back with the first key', () => {
    const small = after(sick(), { type: 'size', size: { columns: 80, rows: 24 } }).state;
    for (const keys of [
      ['?', '?'],
      ['enter', '8'],
    ]) {
      const top = after(small, { type: 'size', size: { columns: 80, rows: 16 } }, ...keys).state;
      const bottom = after(top, ...Array(99).fill('down')).state;
      expect(text(bottom)).not.toBe(text(top));
      expect(text(after(bottom, 'up').state)).not.toBe(text(bottom));
    }
    const opened = after(small, 'enter', '3').state;
    const at = { step: 0, layer: 1, stage: 'q_rope' };
    const tokens = Array.from({ length: 40 }, (_, i) => i);
    const nothing = { histogram: { zeros: 0, nonFinite: 0, exponent: 0, counts: [] }, worst: [] };
    const detail = { tokens, rows: tokens.map(() => 1e-7), heads: null, headRows: null, ...nothing };
    const { state } = after(opened, { type: 'detail', pass: 'free', at, detail, row: null });
    expect(text(after(state, 'down').state)).not.toBe(text(state));
    const end = after(state, 'G').state;
    expect(text(end)).toMatch(/ 39 /);
    expect(text(after(end, 'up').state)).not.toBe(text(end));
  });

  test('values that were not kept are said to be, in as many lines as it takes', () => {
    const opened = after(sick(), { type: 'size', size: { columns: 80, rows: 24 } }, 'enter', '2').state;
    const at = { step: 0, layer: 1, stage: 'q_rope' };
    const shown = text(after(opened, { type: 'detail', pass: 'free', at, detail: null, row: null }).state);
    expect(shown.replaceAll(/[│\s]+/g, ' ')).toContain('--stages and --layers leave room for fewer.');
  });

  test('q quits where the terminal is too small, whatever lies under it; backspace takes a whole character', () => {
    const tiny: Event = { type: 'size', size: { columns: 30, rows: 5 } };
    for (const keys of [['?'], ['?', '?'], ['e', 'enter'], ['enter'], ['/', 'x']]) {
      expect(after(sick(), ...keys, tiny, 'q').effects.at(-1)).toEqual({ type: 'quit' });
    }
    expect(after(sick(), '/', 'a', '😀', 'backspace').state.filter).toBe('a');
  });
});

describe('an export', () => {
  const finding = { name: 'x', verdict: 'agree', reason: '', report: { ...report(), stages: [] }, notes: [] } as const;
  const folder = mkdtempSync(join(tmpdir(), 'export-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (path: string, taken: string[] = []) =>
    exportAs(finding, { type: 'export', output: 'json', path, replace: true }, taken);

  test('goes to a file: not to standard output, and not over what is compared', async () => {
    expect(await write('-')).toMatchObject({ type: 'not-exported', exists: false });
    const dump = join(folder, 'mine.arrow');
    writeFileSync(dump, 'values');
    expect(await write(dump, [dump])).toMatchObject({ type: 'not-exported', exists: false });
    expect(readFileSync(dump, 'utf8')).toBe('values');
    expect(await write(join(folder, 'no', 'x.json'))).toMatchObject({
      reason: expect.stringMatching(/^\S+x\.json cannot/),
    });
    const file = join(folder, 'report.json');
    expect(await write(file)).toEqual({ type: 'exported', path: file });
    expect(JSON.parse(readFileSync(file, 'utf8')).verdict).toBe('agree');
  });

  test('~ is the home folder', async () => {
    vi.stubEnv('HOME', folder);
    try {
      expect(await write('~/at-home.json')).toEqual({ type: 'exported', path: join(folder, 'at-home.json') });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
