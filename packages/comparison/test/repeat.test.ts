import { digestOf, type Tensor } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import { type OneRun, repeated } from '../src/repeat/repeat.js';

const WIDTH = 4;
const about = { name: 'mine', version: '1' };

/** Three stages of two layers, of whole numbers. */
const tensors = (tokens: number): Tensor[] =>
  ['q_proj', 'kq', 'l_out'].flatMap((stage, i) =>
    [0, 1].map((layer) => {
      const width = stage === 'kq' ? tokens : WIDTH;
      const values = Float32Array.from({ length: tokens * width }, (_, at) => at + 100 * i + 1000 * layer);
      const positions = Int32Array.from({ length: tokens }, (_, position) => position);
      return { step: 0, order: 3 * layer + i, layer, stage, positions, width, values };
    }),
  );

const change =
  (stage: string, layer: number, at: number, to = -1) =>
  (tensor: Tensor): Tensor => {
    if (tensor.stage !== stage || tensor.layer !== layer) return tensor;
    const values = tensor.values.slice();
    values[at] = to;
    return { ...tensor, values };
  };

const same = (tensor: Tensor): Tensor | undefined => tensor;
const TOKENS = [1, 5, 9, 2, 7];

/** What is said of runs, each the same but for a change of its own. */
function said(
  changes: readonly ((tensor: Tensor) => Tensor | undefined)[],
  tokensOf: readonly (readonly number[])[] = [],
  more: readonly Partial<OneRun>[] = [],
) {
  async function* runs(): AsyncGenerator<OneRun> {
    for (const [i, write] of changes.entries()) {
      const tokens = tokensOf[i] ?? TOKENS;
      async function* read() {
        for (const tensor of tensors(tokens.length)) {
          const written = write(tensor);
          if (written) yield digestOf(written, 1);
        }
      }
      yield { about, called: `run ${i + 1}`, tokens, prompt: 3, heads: 1, rows: read(), ...more[i] };
    }
  }
  return repeated(runs());
}

describe('several runs', () => {
  test('that are the same to the bit agree', async () => {
    expect(await said([same, same, same])).toMatchObject({
      verdict: 'agree',
      reason: 'All 3 runs are the same to the bit, at each of 6 stages.',
      runs: 3,
      changing: [],
    });
  });

  test('one of which has another bit: its first stage, how often, and which rows', async () => {
    const [odd, other] = [change('l_out', 0, 2 * WIDTH), change('l_out', 0, 3 * WIDTH + 1)];
    const later = change('q_proj', 1, 0);
    const report = await said([same, odd, same, (tensor) => later(other(tensor))]);
    expect(report.verdict).toBe('diverged');
    expect(report.changing).toEqual([
      { step: 0, layer: 0, stage: 'l_out', results: [2, 1, 1], positions: [2, 3], rows: 5 },
      { step: 0, layer: 1, stage: 'q_proj', results: [3, 1], positions: [0], rows: 5 },
    ]);
    expect(report.reason).toMatch(
      /^l_out of layer 0 is the first stage that is not the same in every run: 3 results in 4 runs \(2, 1, 1\), in the rows of tokens 2, 3\. .* 1 later stage changes too\.$/,
    );
  });

  test('one row of which is random in one of a hundred: that row, its stage, and in how many', async () => {
    const sick = Array.from({ length: 300 }, (_, run) => (run % 100 === 57 ? change('kq', 1, 2 * 5 + 1, run) : same));
    const { changing, runs } = await said(sick);
    expect(runs).toBe(300);
    expect(changing).toEqual([{ step: 0, layer: 1, stage: 'kq', results: [297, 1, 1, 1], positions: [2], rows: 5 }]);
  });

  test('the first of which is the odd one', async () => {
    const { changing } = await said([change('kq', 1, 0), same, same]);
    expect(changing).toEqual([{ step: 0, layer: 1, stage: 'kq', results: [2, 1], positions: [0], rows: 5 }]);
  });

  test('a sign of zero is a bit', async () => {
    const zero = change('l_out', 0, 0, 0);
    const { verdict } = await said([zero, change('l_out', 0, 0, -0)]);
    expect(verdict).toBe('diverged');
    expect((await said([zero, zero])).verdict).toBe('agree');
  });

  test('whose scores differ where the mask hides them are the same', async () => {
    expect((await said([same, change('kq', 0, 4)])).verdict).toBe('agree'); // token 0, position 4
    expect((await said([same, change('kq', 0, 5)])).verdict).toBe('diverged'); // token 1, position 0
  });

  test('of which one decoded another token: that, and nothing of what came of it', async () => {
    const other = [1, 5, 9, 2, 8];
    const report = await said([same, change('l_out', 1, 4 * WIDTH), same], [TOKENS, other, TOKENS]);
    expect(report).toMatchObject({
      verdict: 'diverged',
      changing: [],
      otherTokens: [{ run: 2, position: 4, token: 8, first: 7 }],
    });
    expect(report.reason).toContain('Run 2 decoded token 8 at position 4, and the first run 7');
  });

  test('of another prompt are refused', async () => {
    await expect(said([same, same], [TOKENS, [1, 6, 9, 2, 7]])).rejects.toThrow(
      'run 2 ran token 6 at position 1, and run 1 token 5: they are not the same run.',
    );
  });

  test.each([
    ['the second run', [same, (tensor: Tensor) => (tensor.stage === 'kq' ? undefined : tensor)]],
    ['the first', [(tensor: Tensor) => (tensor.stage === 'kq' ? undefined : tensor), same]],
  ])('of which one has no kq, %s: it could not be told, unless something changes', async (_, writes) => {
    const report = await said(writes);
    expect(report).toMatchObject({ verdict: 'incomparable', incomplete: ['kq of layer 0', 'kq of layer 1'] });
    expect(report.reason).toBe('Not in every run: kq of layer 0, kq of layer 1.');
    expect((await said([...writes, change('l_out', 0, 0)])).verdict).toBe('diverged');
  });

  const [here, there] = [{ kind: 'mine 1, here' }, { kind: 'mine 1, there' }];
  const odd = change('l_out', 0, 0);

  test('of two machines, each of which is the same every time: none of them is accused of a race', async () => {
    const report = await said([same, odd, same, odd, same], [], [here, there, here, there, here]);
    expect(report.kinds).toEqual([
      { what: 'mine 1, here', runs: 3, steady: true },
      { what: 'mine 1, there', runs: 2, steady: true },
    ]);
    expect(report.reason).toContain('3 are of mine 1, here, the same to the bit; 2 are of mine 1, there');
    expect(report.reason).toContain('computed otherwise by one than by another');
    expect(report.reason).not.toContain('data race');
    const agreed = await said([same, same], [], [here, there]);
    expect(agreed).toMatchObject({ verdict: 'agree', kinds: [{ runs: 1 }, { runs: 1 }] });
  });

  test('of two machines, one of which is not', async () => {
    const { kinds, reason } = await said([same, odd, same, same], [], [here, there, here, there]);
    expect(kinds).toMatchObject([{ steady: true }, { steady: false }]);
    expect(reason).toContain('data race');
    expect(reason).toContain('2 are of mine 1, there, and differ among themselves');
  });

  test('whose rows are not equally long are not accused of a race', async () => {
    const wide = (tensor: Tensor): Tensor => {
      if (tensor.stage !== 'l_out') return tensor;
      return { ...tensor, width: 5, values: new Float32Array(tensor.positions.length * 5) };
    };
    const { changing, reason } = await said([same, wide]);
    expect(changing[0]).toMatchObject({ stage: 'l_out', layer: 0, widths: [4, 5] });
    expect(reason).toContain('of 4, 5 values each. Its rows do not have the same length');
    expect(reason).not.toContain('data race');
  });

  test('of which one does not say how many heads its scores have: these are not compared', async () => {
    const { verdict, incomplete } = await said([same, same], [], [{}, { heads: undefined }]);
    expect(verdict).toBe('incomparable');
    expect(incomplete[0]).toBe('kq of layer 0 (how many heads it has is not known of every run)');
  });
});
