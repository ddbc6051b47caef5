import type { Report } from '@llama-probe/comparison';
import { changesBetween } from '@llama-probe/comparison';
import type { StageResult } from '@llama-probe/diff';
import { describe, expect, test } from 'vitest';
import { changesText } from '../src/text/changes.js';

const NOISE = 2 ** -23;
const Q_ROPE = { step: 0, layer: 0, stage: 'q_rope' };

type Stage = Partial<StageResult> & Pick<StageResult, 'stage'>;

const healthy: Stage[] = [
  { stage: 'q_rope', layer: 0, order: 1, rel: 1.1e-7 },
  { stage: 'kq', layer: 0, order: 2, rel: 3e-7, floor: 3e-7 },
  { stage: 'kq_soft_max', layer: 0, order: 3, rel: 3e-8 },
];

/** A report of stages: what `changesBetween` looks at. */
function report(stages: readonly Stage[], more: Partial<Report> = {}): Report {
  const full = stages.map((stage, i) => {
    return {
      step: 0,
      layer: null,
      order: i,
      verdict: 'agree',
      floor: null,
      local: null,
      inherits: null,
      limit: 1e-5,
      ...stage,
    };
  });
  const wrong = full.find(({ verdict }) => verdict === 'diverged');
  const first = wrong ? { ...wrong, cause: null, where: null, token: null } : null;
  const verdict = wrong ? 'diverged' : full.every((one) => one.verdict === 'agree') ? 'agree' : 'incomparable';
  return { verdict, stages: full, first, faults: null, tokens: [1, 2], ...more } as unknown as Report;
}

const names = (stages: readonly { stage: string }[]): string[] => stages.map(({ stage }) => stage);

const sick = report([
  { stage: 'q_rope', layer: 0, order: 1, rel: 0.84, local: 0.84, verdict: 'diverged' },
  { stage: 'kq', layer: 0, order: 2, rel: 0.47, floor: 3e-7, local: 1e-7, verdict: 'diverged', inherits: Q_ROPE },
  { stage: 'kq_soft_max', layer: 0, order: 3, rel: 3e-8 },
]);

describe('changesBetween', () => {
  test('the same run twice is no change', () => {
    expect(changesBetween(report(healthy), report(healthy))).toMatchObject({
      direction: 'same',
      better: [],
      worse: [],
    });
    expect(changesBetween(sick, sick).summary).toBe('no change: the sides still have diverged.');
  });

  test.each([
    ['below an ulp', { rel: NOISE / 100 }, { rel: NOISE * 0.9 }, 'same'],
    ['below the floor', { rel: 1e-7, floor: 1e-6 }, { rel: 1.9e-6, floor: 1e-6 }, 'same'],
    ['less than twice', { rel: 1e-6 }, { rel: 1.9e-6 }, 'same'],
    ['more than twice, though far below the limit', { rel: 1e-6 }, { rel: 2.1e-6 }, 'worse'],
    ['less than half', { rel: 2.1e-6 }, { rel: 1e-6 }, 'better'],
    ['from zero to noise', { rel: 0 }, { rel: NOISE }, 'same'],
    ['from zero to more than noise', { rel: 0 }, { rel: 3 * NOISE }, 'worse'],
    ['NaN instead of a number', { rel: 1e-7 }, { rel: Number.NaN }, 'worse'],
    ['NaN still', { rel: Number.NaN }, { rel: Number.NaN }, 'same'],
    ['a verdict, whatever the delta', { rel: 9e-6 }, { rel: 1.1e-5, verdict: 'diverged' }, 'worse'],
    ['no longer comparable', { rel: 9e-6, verdict: 'diverged' }, { rel: 1e-6, verdict: 'incomparable' }, 'worse'],
  ] as const)('%s: %o → %o is %s', (_, before, after, direction) => {
    const of = (stage: Partial<StageResult>) => report([{ stage: 'kq', layer: 0, ...stage }]);
    expect(changesBetween(of(before), of(after)).direction).toBe(direction);
  });

  test('a fault that appears is told from what inherits it', () => {
    const changes = changesBetween(report(healthy), sick);
    expect(names(changes.worse)).toEqual(['q_rope', 'kq']);
    expect(changes.worse.map(({ after }) => after.inherits)).toEqual([null, Q_ROPE]);
    expect(changes.first).toEqual({ before: null, after: Q_ROPE });
    expect(changes.summary).toBe(
      'worse: the sides have diverged now; q_rope of layer 0 is the first wrong stage (1.1e-7 → 8.4e-1); 2 stages got worse, 1 of them inherits it.',
    );
    expect(changesText(changes).split('\n').slice(1)).toEqual([
      '  ▲ q_rope of layer 0 1.1e-7 → 8.4e-1 (agrees → diverged)',
      '  ▲ 1 stage that inherits from a fault',
    ]);
  });

  test('and mended it is better by as much', () => {
    const changes = changesBetween(sick, report(healthy));
    expect(changes).toMatchObject({ direction: 'better', worse: [], first: { before: Q_ROPE, after: null } });
    expect(names(changes.better)).toEqual(['q_rope', 'kq']);
  });

  test('what inherits is compared by its own error, which has not changed', () => {
    const worse = report([
      { stage: 'q_rope', layer: 0, order: 1, rel: 0.84, local: 0.84, verdict: 'diverged' },
      { stage: 'kq', layer: 0, order: 2, rel: 40, floor: 3e-7, local: 1.1e-7, verdict: 'diverged', inherits: Q_ROPE },
      { stage: 'kq_soft_max', layer: 0, order: 3, rel: 3e-8 },
    ]);
    expect(changesBetween(sick, worse).direction).toBe('same');
  });

  test('one fault for another: the first divergence moves, and causes come and go', () => {
    const cause = (id: string) => ({ id, title: id, confidence: 'confirmed', delta: 0 });
    const one = report([
      { stage: 'q_rope', layer: 0, order: 1, rel: 0.84, local: 0.84, verdict: 'diverged' },
      ...healthy.slice(1),
    ]);
    const other = report([
      ...healthy.slice(0, 2),
      { stage: 'kq_soft_max', layer: 0, order: 3, rel: 0.2, local: 0.2, verdict: 'diverged' },
    ]);
    const named = (run: Report, id: string): Report =>
      ({ ...run, first: { ...run.first, cause: cause(id) } }) as Report;
    const changes = changesBetween(named(one, 'rope-halves'), named(other, 'softmax-no-max'));
    expect(changes).toMatchObject({ direction: 'mixed', moved: 'later' });
    expect(changes.causes.gone.map(({ cause }) => cause.id)).toEqual(['rope-halves']);
    expect(changes.causes.come.map(({ cause }) => cause.id)).toEqual(['softmax-no-max']);
    expect(changes.summary).toContain(
      'the first wrong stage moved on from q_rope of layer 0 to kq_soft_max of layer 0',
    );
    expect(changesBetween(named(other, 'a'), named(one, 'b')).moved).toBe('earlier');
  });

  test('stages that come and go, and other tokens', () => {
    const changes = changesBetween(report(healthy), report(healthy.slice(1), { tokens: [1] }));
    expect(names(changes.vanished)).toEqual(['q_rope']);
    expect(names(changesBetween(report(healthy.slice(1)), report(healthy)).appeared)).toEqual(['q_rope']);
    expect(changes.summary).toBe(
      'no change: the sides still agree; 1 stage vanished. The tokens are others than before.',
    );
  });

  test('is plain data: the same after a journey to another process', () => {
    const changes = changesBetween(report(healthy), sick);
    expect(JSON.parse(JSON.stringify(changes))).toEqual(changes);
    expect(structuredClone(changes)).toEqual(changes);
  });
});
