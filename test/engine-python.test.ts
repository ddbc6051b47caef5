import { fileURLToPath } from 'node:url';
import { inShort } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { firstBlocks } from './support/models.js';
import { probeJson } from './support/session.js';
import { isInstalled } from './support/toolchains.js';

/** On NumPy, with its weights in bf16 where it computes so; under Hugging Face's names where it has their order. */
const ENGINE = fileURLToPath(new URL('engine/llama.py', import.meta.url));
const isThere = isInstalled('python3', ['-c', 'import numpy']);
const RUN = ['--model', firstBlocks(2), '--prompt', 'What is 2 plus 3?', '--steps', '1'];
const compare = (own: string) => probeJson(['compare', '--engine', `python3 '${ENGINE}' ${own}`, ...RUN]);

// The whole table is scripts/foreign-engines.ts.
describe.runIf(isThere)(`an engine in Python${isThere ? '' : ' (skipped: python3 has no numpy)'}`, () => {
  test.each(inShort(['--order hf --precision bf16 --format npy', '--format npz'], 1))('agrees: %s', async (own) => {
    const { json, code } = await compare(own);
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    expect(json.stages).toHaveLength((4 + 19 * 2) * 2);
  });

  // In Hugging Face's order these are other numbers than in the file's: a bug of such an engine is one of that order.
  test.each(
    inShort(
      [
        ['rope-halves', 'q_rope', 'rope-neighbours'],
        ['q-transposed', 'q_proj', 'weight-transposed'],
        ['k-from-v', 'k_proj', 'weight-exchanged'],
        ['rope-half-head', 'q_rope', 'rope-partial-tail'],
      ] as const,
      1,
    ),
  )("names %s in Hugging Face's order", async (bug, stage, id) => {
    const { json } = await compare(`--order hf --format safetensors --bug ${bug} --from 1`);
    expect(json.first, json.reason).toMatchObject({ stage, layer: 1, cause: { id, confidence: 'confirmed' } });
  });
});
