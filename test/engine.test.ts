import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inShort } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import type { GateResult, Report } from '../packages/probe/src/index.js';
import { firstBlocks } from './support/models.js';
import { once, path, start } from './support/probe.js';
import { isRunning, until } from './support/processes.js';
import { probe, probeBoth, probeJson } from './support/session.js';
import { runTool } from './support/toolchains.js';

/** An engine that shares no code with this project. */
const MINE = fileURLToPath(new URL('engine/mini-llama.mjs', import.meta.url));
/** As many of the bundled model's blocks as a question takes: the program computes each in plain loops. */
const [ONE, TWO] = [firstBlocks(1), firstBlocks(2)];
const SUM = ['--prompt', 'What is 2 plus 3?'];

/** `probe compare` with that engine. @param own its options */
const compare = (own = '', ...args: readonly string[]) => [
  'compare',
  '--engine',
  `node '${MINE}' ${own}`,
  ...SUM,
  ...args,
];

describe('a healthy engine agrees', () => {
  const dumps = path('dumps');
  const healthy = once(() =>
    probeBoth(
      compare(
        '--model {model} --tokens {tokens} --steps {steps} --out {out}',
        '--model',
        TWO,
        '--steps',
        '1',
        '--out',
        dumps,
      ),
    ),
  );

  test('at every stage of the prompt and of what it decodes, and says the same', async () => {
    const { code, json, stdout } = await healthy();
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    expect(json.candidate.name).toBe('mini-llama');
    expect(json.stages).toHaveLength((4 + 19 * 2) * 2);
    expect(json.stages.every(({ verdict }) => verdict === 'agree')).toBe(true);
    expect(json.generated?.candidate).toEqual(json.generated?.reference);
    expect(stdout).toContain('mini-llama  says');
  });

  test('and both dumps are kept where that is asked for', async () => {
    await healthy();
    expect(readdirSync(dumps).sort()).toEqual(['candidate.arrow', 'reference.arrow']);
    const { json } = await probeJson(['diff', `${dumps}/candidate.arrow`, `${dumps}/reference.arrow`]);
    expect(json.verdict, json.reason).toBe('agree');
  });

  test.each(
    inShort(
      [
        ['a stream on standard output', '--format stream', 'f32'],
        ['half-split order, in .npz', '--order hf --format npz', 'f32'],
        ['raw floats with a manifest', '--format raw', 'f32'],
        ['bf16, in a folder of .npy', '--precision bf16 --format npy', 'bf16'],
        ['f16 and half-split order, in safetensors', '--precision f16 --order hf --format safetensors', 'f16'],
      ],
      1,
    ),
  )('that writes %s', async (_, own, precision) => {
    const { json } = await probeJson(compare(own, '--model', ONE, '--steps', '1'));
    expect(json.verdict, json.reason).toBe('agree');
    expect(json.candidate.precision?.format ?? 'f32').toBe(precision);
    expect(json.candidate.notes?.some((note) => note.includes('half-split')) ?? false).toBe(own.includes('hf'));
    expect(json.reason).not.toContain('The program decoded');
    expect(new Set(json.stages.map(({ step }) => step))).toEqual(new Set([0, 1]));
  });

  test('that decodes fewer tokens than it was asked for is compared in what it did', async () => {
    const { json } = await probeJson(compare('--steps 1', '--model', ONE, '--steps', '3', '--no-floors'));
    expect(json.verdict).toBe('agree');
    expect(json.reason).toContain(
      'The program decoded 1 of the 3 tokens that --steps asks for, so the prompt and those are compared.',
    );
    expect(new Set(json.stages.map(({ step }) => step))).toEqual(new Set([0, 1]));
    const { json: strict } = await probeJson(
      compare('--steps 1', '--model', ONE, '--steps', '3', '--no-floors', '--strict'),
    );
    expect(strict.verdict).toBe('incomparable');
  });

  test('in the stages and layers that are asked for', async () => {
    const { json } = await probeJson(
      compare('', '--model', TWO, '--steps', '0', '--stages', 'q_rope,l_out', '--layers', '1'),
    );
    expect(json.verdict, json.reason).toBe('agree');
    expect(json.stages.map(({ stage, layer }) => `${stage} ${layer}`)).toEqual(['q_rope 1', 'l_out 1']);
  });

  test('under names that a mapping file explains', async () => {
    const map = path('map.json');
    writeFileSync(map, '{"tensors": [{"name": "hidden.{layer}", "stage": "l_out"}]}');
    const renamed = 'for i in 0 1; do mv {out}/l_out-$i.npy {out}/hidden.$i.npy; done';
    const args = ['--model', TWO, '--steps', '0', '--map', map, '--strict'];
    const { json } = await probeJson(compare(`--format npy; ${renamed}`, ...args));
    expect(json.verdict, json.reason).toBe('agree');
  });

  test('beside llama.cpp on the file as it is', async () => {
    const { json } = await probeJson(compare('', '--model', ONE, '--steps', '0', '--reference', 'native'));
    expect(json.verdict, json.reason).toBe('agree');
    expect(json.reference.mode).toBe('native');
  });
});

describe('a bug of the engine is named', () => {
  test.each(
    inShort(
      [
        ['rope-halves', '--from 1', 'q_rope', 1, 'rope-halves'],
        ['rope-base', '--from 1 --order hf --format npz', 'q_rope', 1, 'rope-theta'],
        ['gqa-tiled', '--precision bf16 --format stream', 'kq', 0, 'gqa-tiled'],
      ] as const,
      2,
    ),
  )('%s %s', async (bug, own, stage, layer, id) => {
    const { json, code } = await probeJson(compare(`--bug ${bug} ${own}`, '--model', TWO, '--steps', '0'));
    expect(code).toBe(1);
    expect(json, json.reason).toMatchObject({
      verdict: 'diverged',
      inputsOf: 'candidate',
      first: { stage, layer, cause: { id, confidence: 'confirmed' } },
    });
  });

  test('which only decoding shows', async () => {
    const { json } = await probeJson(compare('--bug decode-position', '--model', ONE, '--steps', '1'));
    expect(json.first).toMatchObject({ stage: 'q_rope', layer: 0, step: 1, cause: { confidence: 'confirmed' } });
  });

  test('and without blame only the first stage that differs', async () => {
    const { json } = await probeJson(compare('--bug no-scale', '--model', ONE, '--steps', '0', '--no-blame'));
    expect(json).toMatchObject({ verdict: 'diverged', faults: null, first: { stage: 'kq_soft_max', layer: 0 } });
  });
});

test('what the program wrote gets what probe diff says of the same file', async () => {
  const [dump, reference, html] = [path('mine.npz'), path('reference.arrow'), path('report.html')];
  const ids = '1,338,292,921,970';
  const run = ['--model', TWO, '--tokens', ids, '--steps', '1']; // whose choice of a token outlives the bug
  const bug = ['--bug', 'swiglu-swapped', '--from', '1'];
  runTool('node', [MINE, ...run, ...bug, '--order', 'hf', '--format', 'npz', '--out', dump.replace(/\.npz$/, '')]);
  await probe(['capture', '--from', 'llama', ...run, '--out', reference]);
  const { json: compared } = await probeJson(['compare', '--engine', `cp '${dump}' {out}`, ...run, '--html', html]);
  const { json: diffed } = await probeJson(['diff', dump, reference, '--model', TWO]);
  const said = ({ verdict, first, faults, stages, candidate }: Report) => ({
    verdict,
    first: [first?.stage, first?.layer, first?.cause?.id],
    faults: faults?.map(({ stage, layer, cause }) => [stage, layer, cause?.id, cause?.confidence]),
    stages: stages.map(({ step, stage, layer, verdict, rel, local, limit }) => ({
      step,
      stage,
      layer,
      verdict,
      rel,
      local,
      limit,
    })),
    notes: candidate.notes,
  });
  expect(compared.first).toMatchObject({ stage: 'ffn_swiglu', layer: 1 });
  expect(said(compared)).toEqual(said(diffed));
  expect(new Set(diffed.stages.map(({ step }) => step))).toEqual(new Set([0, 1]));
  expect(readFileSync(html, 'utf8')).toContain('ffn_swiglu');
});

test('a quantised model is made first, and is what the program is told', async () => {
  const { stderr, code } = await probe([
    'compare',
    '--engine',
    'echo "model: {model}" >&2; exit 9',
    '--quantize',
    'Q8_0',
    ...SUM,
  ]);
  expect(stderr).toMatch(/failed with exit code 9\. It last said:\n {2}model: .*Q8_0.*\.gguf/);
  expect(code).toBe(2);
});

describe('what cannot be', () => {
  test.each([
    [
      'a command that fails',
      ['--engine', 'echo "no \u001b[31mGPU" >&2; exit 7'],
      '" failed with exit code 7. It last said:\n  no ·[31mGPU',
    ],
    ['an empty command', ['--engine', ' '], '--engine is empty'],
    [
      'a bug for the engine of ours',
      ['--engine', 'mine', '--inject', 'rope-halves'],
      '--inject is for the WebGPU engine of llama-probe',
    ],
    ['an adapter', ['--engine', 'mine', '--adapter', 'gpu'], '--adapter is for the WebGPU engine'],
    ['pieces of a prompt', ['--engine', 'mine', '--ubatch', '4'], '--ubatch is for the WebGPU engine'],
    ['a mapping file without a program', ['--map', 'names.json'], '--map is for a program of yours'],
    ['a precision without a program', ['--precision', 'f16'], '--precision is for a program of yours'],
    ['a time limit without a program', ['--engine-timeout', '5'], '--engine-timeout is for a program of yours'],
    ['a report in place of the script', ['--engine', `node ${MINE}`, '--html', MINE], 'mini-llama.mjs'],
    ['no time', ['--engine', 'mine', '--engine-timeout', '0'], 'Wanted a whole number, 1 or more.'],
  ])('%s', async (_, args, says) => {
    const { code, stderr } = await probe(['compare', ...args, '--no-tui']);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });

  test('is told in JSON', async () => {
    const { json, code } = await probeJson<{ kind: string; error: { code: string } }>(['compare', '--engine', 'true']);
    expect(json).toMatchObject({ kind: 'failure', error: { code: 'program-output' } });
    expect(code).toBe(2);
  });
});

test.each(inShort(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const, 2))(
  '%s ends the program and all that it has started',
  async (signal) => {
    const [pids, temporary] = [path('pids'), path('tmp')];
    mkdirSync(temporary);
    const command = `echo $$ > '${pids}'; (sleep 600; true) & echo $! >> '${pids}'; echo whole >> '${pids}'; sleep 600`;
    const { child, ended } = start(['compare', '--engine', command, ...SUM], { env: { TMPDIR: temporary } });
    await until('the program', () => existsSync(pids) && readFileSync(pids, 'utf8').includes('whole'));
    child.kill(signal);
    const { code } = await ended;
    const numbers = readFileSync(pids, 'utf8').trim().split('\n').slice(0, 2).map(Number);
    await until('the end of the program', () => !numbers.some(isRunning));
    if (signal === 'SIGKILL') return; // nobody is left to remove files
    expect(code).toBe(2);
    expect(readdirSync(temporary)).toEqual([]);
  },
);

test('the gate holds a program to llama.cpp and to its baseline', async () => {
  const folder = path('gate');
  mkdirSync(folder);
  const run = { model: ONE, prompts: ['Hello'], steps: 1, reference: 'exact' };
  const healthy = { ...run, name: 'healthy', engine: `node '${MINE}' --format $(cat format)` };
  const config = `${folder}/probe.config.json`;
  writeFileSync(`${folder}/format`, 'arrow'); // the command runs in the folder of the configuration
  writeFileSync(config, JSON.stringify({ runs: [healthy] }));
  const gate = (...args: string[]) => probeJson<GateResult>(['gate', '--config', config, ...args]);
  expect((await gate('--update')).json.cases.map(({ verdict, reason }) => [verdict, reason])).toEqual([
    ['agree', expect.stringContaining('All 46 stages agree')],
  ]);
  const sick = { ...healthy, name: 'sick', engine: `${healthy.engine} --bug no-residual` };
  const short = { ...healthy, name: 'short', engine: `${healthy.engine} --steps 0` };
  const late = { ...healthy, name: 'late', engine: 'sleep 600', engineTimeout: 1 };
  writeFileSync(config, JSON.stringify({ runs: [healthy, sick, short, late] }));
  const { json, code } = await gate();
  expect(json.cases.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['healthy-hello', 'agree'],
    ['sick-hello', 'diverged'],
    ['short-hello', 'incomparable'],
    ['late-hello', 'incomparable'],
  ]);
  expect(json.cases[1]?.reason).toContain('l_out of layer 0');
  expect(json.cases[3]?.reason).toContain('had not ended after 1 s');
  expect(code).toBe(1);
});

test('--watch runs the program again when its files change', async () => {
  const [script, first, second] = [path('replay.sh'), path('healthy.arrow'), path('sick.arrow')];
  const run = [MINE, '--tokens', '1,15', '--steps', '0', '--model', ONE];
  runTool('node', [...run, '--out', first]);
  runTool('node', [...run, '--bug', 'no-residual', '--out', second]);
  writeFileSync(script, `cp '${second}' "$PROBE_OUT"`);
  const { child, ended } = start([
    'compare',
    '--engine',
    `sh ${script}`,
    '--model',
    ONE,
    '--tokens',
    '1,15',
    '--steps',
    '0',
    '--watch',
  ]);
  let out = '';
  let err = '';
  child.stdout?.on('data', (text: string) => {
    out += text;
  });
  child.stderr?.on('data', (text: string) => {
    err += text;
  });
  await until('the first run', () => err.includes('waiting for a change'));
  expect(out).toContain('diverged: The residual is not added: l_out, layer 0');
  writeFileSync(script, `cp '${first}' "$PROBE_OUT"`);
  await until('the second run', () => out.includes('better: the sides agree now'));
  child.kill('SIGINT');
  expect((await ended).code).toBe(0);
});
