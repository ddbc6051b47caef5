import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { completeArchitecture, inShort, type TinyArchitecture, writeGguf } from '@llama-probe/testing';
import { compare, llama, program } from 'llama-probe';
import { describe, expect, test } from 'vitest';
import { path } from './support/probe.js';

/** An engine that shares no code with this project, of three architectures that are no Llama. The whole table is scripts/foreign-engines.ts. */
const MINE = fileURLToPath(new URL('engine/mini-llama.mjs', import.meta.url));
const tokens = [1, 40, 41, 26, 37, 43, 28, 41, 28, 40, 36, 27]; // more than a window has

type Bug = readonly [name: string, stage: string, layer: number, id: string];
const SICK: readonly (readonly [TinyArchitecture, readonly Bug[]])[] = [
  [
    'qwen3',
    [
      ['head-norm-after-rope', 'q_rope', 1, 'qk-norm-after-rope'],
      ['rope-neighbours', 'q_rope', 1, 'rope-neighbours'],
    ],
  ],
  [
    'gemma3',
    [
      ['window-too-long', 'kq_soft_max', 2, 'window-off-by-one'],
      ['window-base-ignored', 'q_rope', 2, 'rope-theta'],
    ],
  ],
  [
    'gpt-oss',
    [
      ['sinks-ignored', 'kq_soft_max', 1, 'sinks-ignored'],
      ['expert-bias-unweighted', 'ffn_moe_weighted', 1, 'expert-bias-unweighted'],
      ['yarn-no-magnitude', 'q_rope', 1, 'yarn-no-magnitude'],
      ['router-softmax-of-all', 'ffn_moe_probs', 1, 'router-activation'],
    ],
  ],
];

describe('an engine of other architectures', () => {
  test.each(inShort(SICK, 2))('%s agrees, and its bugs are named', async (architecture, bugs) => {
    const model = path(`foreign-${architecture}.gguf`);
    writeFileSync(model, writeGguf(completeArchitecture(architecture)).bytes);
    await using reference = await llama(model);
    const told = async (own: string) => {
      await using mine = await program(`node '${MINE}' ${own}`, { model, tokens });
      return await compare(mine, reference, { steps: 0 }); // before it is closed
    };
    const healthy = await told('');
    expect(healthy.verdict, healthy.reason).toBe('agree');
    for (const [bug, stage, layer, id] of inShort(bugs, 1)) {
      const { first, reason } = await told(`--bug ${bug} --from ${layer}`);
      expect(first, reason).toMatchObject({ stage, layer, cause: { id, confidence: 'confirmed' } });
    }
  });
});
