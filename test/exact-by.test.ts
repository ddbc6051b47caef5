import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomFrom, tinyArchitecture, writeGguf } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import type { Report } from '../packages/probe/src/index.js';
import { loadDump } from './support/dumps.js';
import { ownCache, path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

const SUM = ['--prompt', 'What is 2 plus 3?', '--steps', '1', '--reference', 'exact'];
const BLOCK = ['--exact-by', 'block'];

/** What a report says of each stage, but for how long it took. */
const found = ({ verdict, first, stages, faults, logits }: Report) => ({
  verdict,
  first,
  stages,
  faults,
  logits,
});

describe('--exact-by block', () => {
  test('a healthy engine agrees, by floors that are measured the same way, and no F32 copy is made', async () => {
    const cache = ownCache();
    const env = { LLAMA_PROBE_CACHE: cache };
    const { code, json } = await probeJson(['compare', ...SUM, ...BLOCK], { env });
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    expect(json.reference).toMatchObject({ mode: 'exact', why: expect.stringContaining('block by block') });
    const models = join(cache, 'models');
    expect(existsSync(models) ? readdirSync(models) : []).toEqual([]);
  });

  test('a bug in one layer is found as by the whole model, with the same numbers, and named', async () => {
    const args = ['compare', ...SUM, '--inject', 'rope-halves@2'];
    const whole = await probeJson([...args, '--exact-by', 'whole']);
    const block = await probeJson([...args, ...BLOCK]);
    expect(block.code).toBe(1);
    expect(block.json.first).toMatchObject({ stage: 'q_rope', layer: 2, cause: { id: 'rope-halves' } });
    expect(found(block.json)).toEqual(found(whole.json));
  });

  test('a recorded run is blamed and captured as by the whole model', async () => {
    const [whole, block] = await Promise.all(
      ['whole', 'block'].map(async (way) => {
        const out = path(`${way}.arrow`);
        const args = ['capture', '--from', 'llama', ...SUM, '--exact-by', way, '--out', out];
        expect(await probe(args)).toMatchObject({ code: 0 });
        return loadDump(out);
      }),
    );
    expect(block?.tensors).toEqual(whole?.tensors);
    expect(block?.metadata.graph).toEqual(whole?.metadata.graph);
    expect(block?.metadata.floors).toEqual(whole?.metadata.floors);
  });

  test('is refused where blocks are not known to be alike, with the remedy; unasked for, the whole model is evaluated', async () => {
    const model = path('smollm3.gguf');
    writeFileSync(model, writeGguf(tinyArchitecture('smollm3', randomFrom(3))).bytes);
    const args = ['capture', '--from', 'llama', '--model', model, '--tokens', '1,2', '--steps', '0'];
    const exact = [...args, '--reference', 'exact', '--out', path('smollm3.arrow')];
    const refused = await probe([...exact, ...BLOCK]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/smollm3\.gguf: cannot be evaluated block by block: .*smollm3.*--exact-by whole/);
    expect(await probe(exact)).toMatchObject({ code: 0 });
  });
});
