import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLong } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import type { Repeated } from '../packages/probe/src/commands/repeat.js';
import { BUNDLED } from './support/models.js';
import { once, path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import { brokenShaders } from './support/shaders.js';
import { runTool } from './support/toolchains.js';

/** An engine that shares no code with this project. */
const MINE = fileURLToPath(new URL('engine/mini-llama.mjs', import.meta.url));
const SAMPLE = readFileSync(new URL('../scripts/bundled-model/sample.txt', import.meta.url), 'utf8');
const RUN = ['--prompt', 'What is 2 plus 3?', '--steps', '1'];

/** What that engine writes, healthy and with a bug in its last layers. */
const recorded = once(async () => {
  const [healthy, sick] = [path('healthy.npz'), path('sick.npz')];
  const args = [MINE, '--model', BUNDLED, '--tokens', '1,15,77,300', '--steps', '0', '--format', 'npz'];
  for (const [file, bug] of [
    [healthy, []],
    [sick, ['--bug', 'no-residual', '--from', '3']],
  ] as const)
    runTool(process.execPath, [...args, ...bug, '--out', file.replace('.npz', '')]);
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
    const kept = path('kept');
    const { code, json } = await probeJson<Repeated>([...args, '--times', '7', '--out', kept]);
    expect(json.changing[0]).toMatchObject({ stage: 'l_out', layer: 3, results: [5, 2], positions: [0, 1, 2, 3] });
    expect(code).toBe(1);
    const files = readdirSync(kept).map((name) => join(kept, name));
    expect(files.map((file) => basename(file))).toEqual([1, 2, 3, 4, 5, 6, 7].map((run) => `run-${run}.arrow`));
    expect((await probeJson<Repeated>(['repeat', ...files])).json.changing).toEqual(json.changing);
    const { stdout } = await probe([...args, '--times', '3', '--stages', 'embd,l_out']);
    expect(stdout).toContain('3 runs of 4 tokens, 5 stages each');
    expect(stdout).toMatch(/✗ diverged: l_out of layer 3 is the first stage that is not the same in every run/);
  });

  // A race need not show in so many runs: it is tried several times, and what is never accused is a stage before it.
  test.runIf(isLong)('a race in a kernel is found, at a stage that the kernel computes', async () => {
    const LLAMA_PROBE_SHADERS = brokenShaders([
      {
        file: 'add.wgsl',
        before: 'y[i] += x[i];',
        // What another workgroup of the same dispatch writes, before or after it has.
        after: 'let n = batch.tokens * width / PART; y[i] += x[i] + 0.001 * y[(i + n / 2u) % n];',
      },
    ]);
    const args = ['repeat', '--adapter', 'swiftshader', '--times', '5', '--steps', '0', '--stages', 'ffn_inp,l_out'];
    args.push('--prompt', SAMPLE.slice(0, 300));
    let found: Repeated['changing'] = [];
    for (let i = 0; i < 10 && found.length === 0; i++)
      found = (await probeJson<Repeated>(args, { env: { LLAMA_PROBE_SHADERS } })).json.changing;
    expect(found[0]?.stage).toMatch(/^(ffn_inp|l_out)$/);
  });

  test('runs that are over are held to each other', async () => {
    const { healthy, sick } = await recorded();
    expect((await probe(['repeat', healthy, healthy])).code).toBe(0);
    const { code, json } = await probeJson<Repeated>(['repeat', healthy, sick, healthy]);
    expect(json.reason).toContain('l_out of layer 3 is the first stage');
    expect(json.changing[0]?.results).toEqual([2, 1]);
    expect(code).toBe(1);
  });

  test('hashes are held to runs with values, and say the same', async () => {
    const { healthy, sick } = await recorded();
    const digests = Object.entries({ healthy, sick }).map(([name, file]) => ({
      file,
      to: path(`${name}.digest.arrow`),
    }));
    for (const { file, to } of digests) {
      expect((await probe(['import', file, to, '--digest'])).code).toBe(0);
      expect(statSync(to).size).toBeLessThan(statSync(file).size / 10);
      expect((await probe(['repeat', to, file])).code).toBe(0);
    }
    const [well, ill] = digests.map(({ to }) => to) as [string, string];
    const byValues = await probeJson<Repeated>(['repeat', healthy, sick]);
    expect(byValues.json.changing.length).toBeGreaterThan(0);
    for (const runs of [
      [well, ill],
      [healthy, ill],
      [well, sick],
    ]) {
      const { code, json } = await probeJson<Repeated>(['repeat', ...runs]);
      expect(json.changing).toEqual(byValues.json.changing);
      expect(code).toBe(1);
    }
    // An engine that hashes its rows itself.
    const count = path('count');
    const odd = path('odd.sh');
    writeFileSync(
      odd,
      `echo >> '${count}'; if [ $(wc -l < '${count}') = 2 ]; then cp '${ill}' $1; else cp '${well}' $1; fi`,
    );
    const asked = ['--tokens', '1,15,77,300', '--steps', '0', '--times', '3'];
    const kept = path('kept');
    const own = await probeJson<Repeated>(['repeat', '--engine', `sh ${odd} {out}`, ...asked, '--out', kept]);
    expect(own.json.changing).toEqual(byValues.json.changing.map((one) => ({ ...one, results: [2, 1] })));
    expect(own.code).toBe(1);
    expect((await probe(['repeat', join(kept, 'run-2.arrow'), sick])).code).toBe(0);
    const some = await probeJson<Repeated>(['repeat', '--engine', `cp ${well} {out}`, ...asked, '--stages', 'embd']);
    expect(some.json).toMatchObject({ verdict: 'agree', stages: 1 });
    const values = await probe(['compare', '--engine', `cp ${well} {out}`, ...asked.slice(0, 4)]);
    expect(values.stderr).toContain('has a hash of each row, and no values');
    expect(values.code).toBe(2);
    for (const args of [
      ['diff', well, sick],
      ['diff', healthy, ill],
      ['check', well],
      ['inspect', well],
      ['import', well, path('x.npz')],
    ]) {
      const { code, stderr } = await probe(args);
      expect(stderr, args[0]).toMatch(/digest\.arrow: has a hash of each row, and no values\. probe repeat says/);
      expect(code).toBe(2);
    }
  });

  test('capture writes hashes of what it captures', async () => {
    for (const from of ['webgpu', 'llama']) {
      const [values, hashes] = [path(`${from}.arrow`), path(`${from}.digest.arrow`)];
      for (const args of [[values], [hashes, '--digest']])
        expect((await probe(['capture', '--from', from, ...RUN, '-o', ...args])).code).toBe(0);
      const { json } = await probeJson<Repeated>(['repeat', values, hashes]);
      expect(json).toMatchObject({ verdict: 'agree', stages: 160 });
      expect(json).not.toHaveProperty('kinds');
    }
  });

  test.each([
    ['one run', ['a.npz'], 'a.npz is one run; wanted at least two'],
    ['a run and a program', ['a.npz', 'b.npz', '--engine', 'mine'], '--engine is for runs that are made now'],
    ['once', ['--times', '1'], 'nothing to be compared with'],
    ['a directory for runs that are over', ['a.npz', 'b.npz', '--out', 'kept'], '--out is for runs that are made now'],
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
