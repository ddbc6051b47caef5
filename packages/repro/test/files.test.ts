import type { Report } from '@llama-probe/comparison';
import { emptyReport } from '@llama-probe/comparison';
import type { GgufFile } from '@llama-probe/engine';
import { describe, expect, test } from 'vitest';
import { computeStage } from '../../oracle/src/index.js';
import { casesOf, tiny } from '../../oracle/test/tiny-model.js';
import { LANGUAGES } from '../src/check/names.js';
import { cutDown, worstRow } from '../src/cut.js';
import { filesOf } from '../src/files.js';
import type { About, Found } from '../src/found.js';
import { reproText } from '../src/text.js';

const CASES = casesOf(tiny(['Q8_0'], { bias: true })).filter(({ c }) => c.layer === 0 && c.step === 0);
const CAUSE = { id: 'rms-eps', title: 'eps', confidence: 'likely', text: 'Likely, not confirmed: eps' } as const;

function about(name = 'mine'): About {
  const report = {
    ...emptyReport('it diverged'),
    candidate: { name, backend: 'CPU', adapter: 'none', notes: ['names: mine'] },
    reference: { name: 'llama.cpp', version: 'v0.5.0', mode: 'exact', cpuVariant: 'haswell' },
    model: { file: '/home/me/model.gguf', arch: 'llama', quantization: 'Q8_0', layers: 2, bytes: 1 },
    faults: [
      { stage: 'q_proj', layer: 0, diagnosis: CAUSE, where: { text: 'every row is wrong' } },
      { stage: 'q_proj', layer: 1, diagnosis: null, where: null },
    ],
  } as unknown as Report;
  return { report, run: 'mine.arrow', file: { path: '/home/me/model.gguf' } as GgufFile, hash: 'abc' };
}

async function found(stage: string, isKnown = true): Promise<Found> {
  const at = CASES.find(({ c }) => c.stage === stage);
  if (!at) throw new Error(stage);
  const right = Float32Array.from(computeStage(at.c));
  const target = {
    stage,
    layer: 0,
    step: 0,
    token: 3,
    limits: { rel: 1e-5, row: 4e-5, value: 1e-4 },
    rel: 0.5,
    isWrong: true,
  };
  const sick = { fault: target, case: at.c, right, sick: right.map((value) => 1.5 * value) };
  return { target, sick, cut: isKnown ? await cutDown(sick, true) : worstRow(sick) };
}

const readmeOf = (files: Map<string, string | Uint8Array>) => String(files.get('README.md'));

describe('a folder', () => {
  test('says what is wrong, by which formula, of what, and where each number comes from', async () => {
    const files = filesOf(await found('q_proj'), LANGUAGES, about());
    const text = readmeOf(files);
    for (const part of [
      '# Repro: q_proj of layer 0 of model.gguf',
      'mine computes at q_proj of layer 0, in the prompt, position',
      'it is off by 5.0e-1 from what llama.cpp makes of the same inputs',
      'Where: every row is wrong.',
      'Wrong by themselves are also q_proj of layer 1.',
      'The cause is **likely**. Likely, not confirmed: eps',
      'by_mat_mul = attn_norm · blk_0_attn_q_weightᵀ',
      'expected = by_mat_mul_i + blk_0_attn_q_bias_i',
      '| `blk.0.attn_q.weight` | Q8_0 | 256 × 256 | `',
      '| `blk.0.attn_q.weight.blocks.npy` | 4 × 272 | uint8 |',
      'llama.cpp v0.5.0, its CPU build haswell; exact',
      'SHA-256 `abc`',
      '1 of 9 rows',
      '4 of 256 columns',
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('/home/me');
    // What it names is there, and what is there is named.
    const named = [...text.matchAll(/^\| `([\w.-]+\.npy)` \| \d+ × \d+ \|/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual([...files.keys()].filter((name) => name.endsWith('.npy')).sort());
    expect([...files.keys()].filter((name) => name.startsWith('check.'))).toHaveLength(4);
  });

  test('of an operation that nobody knows has its rows, and no program', async () => {
    const files = filesOf({ ...(await found('ffn_swiglu', false)), op: 'SWIGLU_OAI' }, LANGUAGES, about());
    expect([...files.keys()].sort()).toEqual(['README.md', 'ffn_gate.npy', 'ffn_up.npy', 'right.npy', 'wrong.npy']);
    expect(readmeOf(files)).toContain('`SWIGLU_OAI`, as ggml calls it');
    expect(readmeOf(files)).toContain('there is neither a formula nor a program');
  });

  test('has nothing in its programs that a name has brought', async () => {
    const name = 'mine\nimport os; os.system("x")\u2028bad()';
    const files = filesOf(await found('attn_rms'), LANGUAGES, about(name));
    for (const [file, text] of files) {
      if (!file.startsWith('check.') || typeof text !== 'string') continue;
      const lines = text.split(/\r?\n|\u2028/).filter((line) => line.includes('os.system') || line.includes('bad()'));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/^(#|\/\/) /);
    }
  });
});

test('the text says that nothing is written where nothing is wrong', () => {
  const text = reproText({ schema: 1, file: 'mine.arrow', verdict: 'agree', reason: 'All agree.', case: null });
  expect(text).toContain('All agree.\nNothing is written');
});
