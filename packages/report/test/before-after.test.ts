import type { Report } from '@llama-probe/comparison';
import type { PageData } from '@llama-probe/page';
import { describe, expect, test } from 'vitest';
import { beforeAndAfter } from '../src/changes/before-after.js';
import { changesPage } from '../src/page/changes.js';
import { finding, nothing, sick, stage, wrong } from './support/findings.js';

const before = sick().report;
const mended = finding({
  stages: before.stages.map(({ step, layer, stage: name }) => stage({ step, layer, stage: name })),
});
const after = mended.report;

describe('what is answered', () => {
  const worse = sick({ stages: before.stages.map((one) => (one.local === 0.5 ? { ...one, local: 5 } : one)) }).report;
  const partly = sick({
    stages: before.stages.map((one) => (one.local === 0.5 ? { ...one, local: 0.05 } : one)),
  }).report;
  const untold = { ...nothing().report, tokens: before.tokens };
  test.each<[string, Report, Report, string]>([
    ['mended', before, after, 'Fixed: the sides agree now'],
    ['broken', after, before, 'Broken: the sides have diverged now'],
    ['right both times', after, after, 'The sides still agree'],
    ['wrong both times', before, before, 'Still wrong, as before'],
    ['worse', before, worse, 'Still wrong, and worse'],
    ['better', before, partly, 'Better, and not right yet'],
    ['not told now', before, untold, 'It cannot be told now'],
    ['not told before', untold, after, 'The sides agree now; before, it could not be told'],
    ['other tokens', before, { ...after, tokens: [1, 2] }, 'The sides agree now, but it is not the same run'],
    [
      'wider limits',
      before,
      { ...after, floors: { ...after.floors, margin: 1e6 } },
      'The sides agree now, but it is not the same run',
    ],
    [
      'what was wrong left out',
      before,
      { ...after, stages: after.stages.filter(({ stage: name }) => name !== 'q_rope') },
      'The sides agree now, but it is not the same run',
    ],
  ])('%s', (_, from, to, answer) => {
    expect(beforeAndAfter(from, to).answer).toBe(answer);
  });

  test('what broke is counted, and what is still within its limit is told apart', () => {
    expect(beforeAndAfter(before, after).broke).toBe('No stage got worse.');
    const noisier = { ...after, stages: after.stages.map((one, i) => (i < 2 ? { ...one, rel: 4e-6 } : one)) };
    expect(beforeAndAfter(after, noisier).broke).toBe('2 stages got worse, all of them within their limits.');
    const [one, ...others] = noisier.stages;
    const broken = { ...noisier, stages: [wrong({ ...one, rel: 0.5, verdict: 'diverged' }), ...others] };
    expect(beforeAndAfter(after, broken).broke).toBe('2 stages got worse, 1 of them within their limits.');
    const less = beforeAndAfter(before, { ...after, stages: after.stages.slice(1) });
    expect(less.broke).toBe('No stage got worse. Of 1 stage nothing is known: they were not compared again.');
  });

  test('what was run otherwise, without times and why a mode was chosen', () => {
    const { differences } = beforeAndAfter(before, {
      ...after,
      reference: { ...after.reference, why: 'more memory' },
      candidate: { ...after.candidate, adapter: 'a GPU' },
      timings: { total: 5 },
    });
    expect(differences).toEqual([{ what: 'adapter', before: 'llvmpipe', after: 'a GPU' }]);
  });
});

test('the page: the run after comes first, with a letter for each of its stages', () => {
  const more = { ...after, stages: [...after.stages, stage({ step: 2, layer: 0, stage: 'kq' })] };
  const html = changesPage(sick(), finding(more), beforeAndAfter(before, more));
  const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? '') as PageData;
  expect(data.runs.map(({ name }) => name)).toEqual(['after: model.gguf, 3 tokens', 'before: model.gguf, 3 tokens']);
  expect(data.changes?.signs).toBe('sbbsbbn');
  expect(data.changes?.groups.map(({ sign, place }) => `${sign} ${place}`)).toEqual([
    'better q_rope of layer 0 at steps 0 to 1',
    'better 2 stages that inherited from a fault',
  ]);
});
