import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Repeated } from '../packages/probe/src/commands/repeat.js';
import { once, path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

/** An engine that shares no code with this project. */
const MINE = fileURLToPath(new URL('engine/mini-llama.mjs', import.meta.url));
const RUN = ['--prompt', 'What is 2 plus 3?', '--steps', '1'];

/** What that engine writes, healthy and with a bug in its last layers. */
const recorded = once(async () => {
  const [healthy, sick] = [path('healthy.npz'), path('sick.npz')];
  const args = ['--tokens', '1,15,77,300', '--steps', '0', '--no-blame', '--no-floors'];
  for (const [file, bug] of [
    [healthy, ''],
    [sick, '--bug no-residual --from 3'],
  ])
    await probe(['compare', '--engine', `node '${MINE}' ${bug} --format npz; cp {out}.npz '${file}'`, ...args]);
  return { healthy, sick };
});

describe('probe repeat', () => {
  test("llama-probe's own engine and llama.cpp are the same every time", async () => {
    for (const from of ['webgpu', 'llama']) {
      const { code, json } = await probeJson<Repeated>(['repeat', '--from', from, '--times', '2', ...RUN]);
      expect(json).toMatchObject({ kind: 'repeat', verdict: 'agree', runs: 2, stages: 160, changing: [] });
      expect(code).toBe(0);
    }
  });

  test('a program that computes something else every third time is found, and where', async () => {
    const { healthy, sick } = await recorded();
    const count = path('count');
    writeFileSync(count, '0');
    const script = path('sometimes.sh');
    writeFileSync(
      script,
      `n=$(($(cat '${count}') + 1)); echo $n > '${count}'
      if [ $((n % 3)) = 0 ]; then cp '${sick}' "$PROBE_OUT"; else cp '${healthy}' "$PROBE_OUT"; fi\n`,
    );
    const args = ['repeat', '--engine', `sh ${script}`, '--tokens', '1,15,77,300', '--steps', '0'];
    const { code, json } = await probeJson<Repeated>([...args, '--times', '7']);
    expect(json.changing[0]).toMatchObject({ stage: 'l_out', layer: 3, results: [5, 2], positions: [0, 1, 2, 3] });
    expect(code).toBe(1);
    const { stdout } = await probe([...args, '--times', '3', '--stages', 'embd,l_out']);
    expect(stdout).toContain('3 runs of 4 tokens, 5 stages each');
    expect(stdout).toMatch(/✗ diverged: l_out of layer 3 is the first stage that is not the same in every run/);
  });

  test('runs that are over are held to each other', async () => {
    const { healthy, sick } = await recorded();
    expect((await probe(['repeat', healthy, healthy])).code).toBe(0);
    const { code, json } = await probeJson<Repeated>(['repeat', healthy, sick, healthy]);
    expect(json.reason).toContain('l_out of layer 3 is the first stage');
    expect(json.changing[0]?.results).toEqual([2, 1]);
    expect(code).toBe(1);
  });

  test.each([
    ['one run', ['a.npz'], 'a.npz is one run; wanted at least two'],
    ['a run and a program', ['a.npz', 'b.npz', '--engine', 'mine'], '--engine is for runs that are made now'],
    ['once', ['--times', '1'], 'nothing to be compared with'],
    ['two who run', ['--engine', 'mine', '--from', 'llama'], 'leave one of them out'],
    ['a file that is not there', ['nowhere.npz', 'b.npz'], 'nowhere.npz'],
    ['a stage that is none', ['--stages', 'q_rop'], 'did you mean q_rope'],
  ])('%s is refused', async (_, args, says) => {
    const { code, stderr } = await probe(['repeat', ...args]);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });
});
