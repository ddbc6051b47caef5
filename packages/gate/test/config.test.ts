import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { casesOf, checkFiles, filesOf } from '../src/config/cases.js';
import { configSchema } from '../src/config/config.js';
import { inputsHash } from '../src/config/inputs.js';
import { loadConfig } from '../src/config/load.js';
import { ruleAt } from '../src/judge/stage-limits.js';
import { folder, load, write } from './support/files.js';

const names = async (config: object) => (await load(config)).cases.map(({ name }) => name);

describe('configuration', () => {
  const MISTAKES: readonly (readonly [string, object | string, readonly string[]])[] = [
    ['no runs', {}, ['runs: found nothing', 'wanted a list of runs']],
    ['an empty list of runs', { runs: [] }, ['runs: found []', 'at least one run']],
    ['a misspelt key', { runs: [{}], limts: [] }, ['"limts" is no key', 'did you mean "limits"']],
    ['a misspelt key of a run', { runs: [{ promts: ['a'] }] }, ['runs[0]: "promts"', 'did you mean "prompts"']],
    [
      'a misspelt key of a dump',
      { runs: [{ name: 'a', candidate: 'a.arrow', referense: 'b' }] },
      ['runs[0]: "referense"', 'did you mean "reference"'],
    ],
    ['steps in words', { runs: [{ steps: 'two' }] }, ['runs[0].steps: found "two"', 'how many tokens to decode']],
    ['half a step', { runs: [{ steps: 1.5 }] }, ['runs[0].steps: found 1.5']],
    ['an empty prompt', { runs: [{ prompts: ['ok', ''] }] }, ['runs[0].prompts[1]: found ""', 'not empty']],
    [
      'a prompt of two kinds',
      { runs: [{ prompts: [{ text: 'a', tokens: [1] }] }] },
      ['runs[0].prompts[0]', 'one of text, file and tokens'],
    ],
    ['an unknown reference', { runs: [{ reference: 'none' }] }, ['runs[0].reference: found "none"', '"baseline"']],
    ['a factor below 1', { runs: [{}], worsening: { factor: 0.5 } }, ['worsening.factor: found 0.5', 'above 1']],
    [
      'a day that is none',
      { runs: [{}], known: [{ stages: 'kq', until: '2026-02-30', reason: 'x' }] },
      ['known[0].until: found "2026-02-30"', 'YYYY-MM-DD'],
    ],
    ['a fault without a reason', { runs: [{}], known: [{ stages: 'kq', until: '2026-02-03' }] }, ['known[0].reason']],
    ['a limit without a number', { runs: [{}], limits: [{ stages: 'kq' }] }, ['limits[0]', 'margin, minimum, or both']],
    ['layers in words', { runs: [{ layers: 'first' }] }, ['runs[0].layers: found "first"', '0,2-4']],
    [
      'layers backwards',
      { runs: [{}], limits: [{ stages: 'kq', layers: '4-2', margin: 1 }] },
      ['limits[0].layers', '"4-2"'],
    ],
    ['a stage that is none', { runs: [{ stages: 'q_rop' }] }, ['runs[0].stages', '"q_rop" matches no stage']],
    [
      'a limit for no stage',
      { runs: [{}], limits: [{ stages: 'fnn_*', margin: 2 }] },
      ['limits[0].stages', '"fnn_*" matches no stage'],
    ],
    [
      'a limit for no case',
      { runs: [{}], limits: [{ stages: 'ffn_*', runs: 'big-*', margin: 2 }] },
      ['limits[0].runs', '"big-*" matches no case', 'smalltalk-4M-F16-hello'],
    ],
    ['the same case twice', { runs: [{}, {}] }, ['two cases are called "smalltalk-4M-F16-hello"']],
    [
      'nothing to be held to',
      { baselines: false, runs: [{ name: 'mine', candidate: 'mine.arrow' }] },
      ['baselines', 'mine has no other reference'],
    ],
    [
      'llama.cpp without a model',
      { runs: [{ name: 'mine', candidate: 'mine.arrow', llama: 'exact' }] },
      ['runs[0]', 'the model, for llama.cpp to run'],
    ],
    [
      'a dump without a name',
      { runs: [{ candidate: 'x.arrow', steps: 1, prompts: ['a'] }] },
      ['runs[0].name: found nothing', 'wanted a name'],
    ],
    [
      'a program without llama.cpp',
      { runs: [{ engine: './mine', reference: 'baseline' }] },
      ['runs[0].reference: found "baseline"', 'wanted "auto", "exact" or "native"', 'beside a program'],
    ],
    [
      'a program on an adapter',
      { runs: [{ engine: './mine', adapter: 'gpu' }] },
      ['runs[0].adapter: found "gpu"', 'no adapter: the candidate is a program ("engine")', 'for the WebGPU engine'],
    ],
    [
      'a mapping file for no program',
      { runs: [{ map: 'a.json' }] },
      ['runs[0].map: found "a.json"', 'the candidate is the WebGPU engine, and map is for a program'],
    ],
    [
      'a program and a llama.cpp at once',
      { runs: [{ engine: './mine', device: 'Vulkan0' }] },
      ['runs[0].device: found "Vulkan0"', 'for a llama.cpp ("llamaLib", "device")'],
    ],
    [
      'another llama.cpp without llama.cpp',
      { runs: [{ llamaLib: 'lib', reference: 'baseline' }] },
      ['runs[0].reference: found "baseline"', 'beside a llama.cpp'],
    ],
    [
      'an adapter beside a list of engines',
      { runs: [{ adapter: 'gpu', engines: [{ name: 'ours' }] }] },
      ['runs[0].adapter: found "gpu"', 'beside "engines": say it of each of them'],
    ],
    [
      'an engine with what another one takes',
      { runs: [{ engines: [{ name: 'ours' }, { name: 'mine', engine: './mine', stream: true }] }] },
      ['runs[0].engines[1].stream: found true', 'no stream'],
    ],
    [
      'an engine with stages that are none',
      { runs: [{ engines: [{ name: 'ours', stages: 'q_rop' }] }] },
      ['runs[0].engines[0].stages: "q_rop" matches no stage'],
    ],
    [
      'an engine without a name',
      { runs: [{ engines: [{ device: 'Vulkan0' }] }] },
      ['runs[0].engines[0].name', 'a name'],
    ],
    [
      'importances for no quantisation',
      { runs: [{ imatrix: 'a.gguf', quantize: [null] }] },
      ['runs[0].imatrix: found "a.gguf"', 'a quantisation beside it'],
    ],
    [
      'an exclusion of nothing',
      { runs: [{ name: 'm', exclude: ['m-hello', '*-Q4_K-*'] }] },
      ['runs[0].exclude: "*-Q4_K-*" matches no case', 'm-hello'],
    ],
    [
      'an exclusion of everything',
      { runs: [{ name: 'm', exclude: 'm-*' }] },
      ['runs[0].exclude: all cases of this run are excluded'],
    ],
    ['no model in a list of them', { runs: [{ model: [] }] }, ['runs[0].model: found []', 'a list of them']],
    ['no JSON', '{"runs": [', ['cannot be read']],
    ['a list', '[]', ['found []', 'wanted the configuration']],
  ];
  test.each(MISTAKES)('%s is refused', async (_, config, parts) => {
    const path = write('probe.config.json', config);
    const error = await loadConfig(path)
      .then(casesOf)
      .then(() => undefined)
      .catch((error: Error & { code?: string }) => error);
    expect(error?.code).toBe('usage');
    expect(error?.message).toContain(path);
    for (const part of parts) expect(error?.message).toContain(part);
  });

  test('TypeScript with types, and every shape that is right', async () => {
    const path = write(
      'probe.config.ts',
      `import { defineConfig, type GateConfig } from 'llama-probe';
       const prompts: string[] = ['Hello', 'What is 2 plus 3?'];
       const config: GateConfig = { worsening: { factor: 3 }, runs: [{ quantize: [null, 'Q4_K'], prompts }] };
       export default defineConfig(config);`,
    );
    const { cases, factor } = casesOf(await loadConfig(path));
    expect(factor).toBe(3);
    expect(cases.map(({ name }) => name)).toEqual([
      'smalltalk-4M-F16-hello',
      'smalltalk-4M-F16-what-is-2-plus-3',
      'smalltalk-4M-F16-Q4_K-hello',
      'smalltalk-4M-F16-Q4_K-what-is-2-plus-3',
    ]);
  });

  test('TypeScript without a default export, or that does not parse', async () => {
    await expect(loadConfig(write('probe.config.ts', 'export const config = {};'))).rejects.toThrow(/default export/);
    await expect(loadConfig(write('probe.config.ts', 'export default {'))).rejects.toThrow(/cannot be read/);
  });

  test('programs that fail, or give what is no JSON, are mistakes of theirs and no bug of ours', async () => {
    const refused = (content: string) => expect(loadConfig(write('probe.config.mjs', content))).rejects;
    await refused('throw null;').toMatchObject({ code: 'usage', message: expect.stringContaining('null') });
    await refused('export default { runs: [{ steps: 1n }] };').toThrow(/runs\[0\].steps: found "1n"/);
    await refused('const runs = []; runs.push(runs); export default { runs };').toThrow(/runs\[0\]: found a list/);
  });

  test('what a program prints while it is read is not the result', async () => {
    const written: string[] = [];
    const { write: before } = process.stdout;
    process.stdout.write = ((text: string) => written.push(text) > 0) as typeof before;
    try {
      await loadConfig(write('probe.config.mjs', 'process.stdout.write("hello"); export default { runs: [{}] };'));
      expect(written).toEqual([]);
      process.stdout.write('after');
      expect(written).toEqual(['after']);
    } finally {
      process.stdout.write = before;
    }
  });

  test('a name that is empty, of a folder, or of something else', async () => {
    await expect(loadConfig('', folder)).rejects.toThrow(/the name is empty/);
    await expect(loadConfig('.', folder)).rejects.toThrow(/is a folder/);
    await expect(loadConfig(write('c.yaml', 'runs: []'))).rejects.toThrow(/another ending than .ts, .mts/);
    await expect(loadConfig(write('probe.config.json', '\uFEFF{"runs": [{}]}'))).resolves.toMatchObject({
      config: { runs: [{}] },
    });
  });

  test('every file that the gate reads or keeps is known before it runs', async () => {
    const path = write('probe.config.json', {
      runs: [
        { name: 'm', model: 'm.gguf', prompts: [{ name: 'p', file: 'p.txt' }] },
        { name: 'd', candidate: 'c.arrow', reference: 'r.arrow' },
      ],
    });
    const loaded = await loadConfig(path);
    const files = filesOf(casesOf(loaded), loaded).map((file) => file.split('/').pop());
    for (const name of ['probe.config.json', 'm.gguf', 'p.txt', 'c.arrow', 'r.arrow', 'm-p.arrow', 'd.arrow'])
      expect(files).toContain(name);
  });

  test('a folder with none, and with two', async () => {
    const path = write('probe.config.json', { runs: [{}] });
    writeFileSync(join(path, '..', 'probe.config.ts'), 'export default {};');
    await expect(loadConfig(undefined, join(path, '..'))).rejects.toThrow(/probe.config.ts and probe.config.json/);
    await expect(loadConfig(undefined, join(write('x', ''), '..'))).rejects.toThrow(/has no configuration/);
    await expect(loadConfig('nowhere.json', folder)).rejects.toThrow(/nowhere.json does not exist/);
  });

  test('files that are not there are named with their place, relative to the configuration', async () => {
    const loaded = await loadConfig(write('probe.config.json', { runs: [{ model: 'models/mine.gguf' }] }));
    expect(() => checkFiles(casesOf(loaded).cases, loaded)).toThrow(
      /runs\[0\].model: .*models\/mine.gguf does not exist/,
    );
  });

  test('its JSON Schema is what is in the repository (node scripts/dist/gate-schema.js)', () => {
    const file = new URL('../../probe/schema/probe.config.schema.json', import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(configSchema())));
  });
});

describe('cases', () => {
  test('texts that look alike have names of their own, which do not depend on their neighbours', async () => {
    const prompts = ['Hello!', 'Привет', 'здравствуй', 'a  -  b', 'a b', `${'a'.repeat(40)}b`, `${'a'.repeat(40)}c`];
    const all = await names({ runs: [{ name: 'm', prompts }] });
    expect(new Set(all.map((name) => name.toLowerCase())).size).toBe(prompts.length);
    for (const [i, prompt] of prompts.entries()) {
      expect(await names({ runs: [{ name: 'm', prompts: [prompt] }] })).toEqual([all[i]]);
    }
    for (const name of all) expect(name).toMatch(/^[A-Za-z0-9._-]{1,60}$/);
    await expect(names({ runs: [{ prompts: ['Hello!', 'hello?'] }] })).rejects.toThrow(/give a name to one of/);
  });

  test('limits reach the cases that they are for, and a later one goes first', async () => {
    const { cases } = await load({
      runs: [{ name: 'a' }, { name: 'b', stages: ['ffn_*', 'kq'] }],
      limits: [
        { stages: 'ffn_*', margin: 20, minimum: 1e-4 },
        { stages: ['ffn_out'], layers: '1-2', runs: 'b-*', margin: 5 },
        { stages: 'ffn_up', minimum: 1e-6 },
      ],
    });
    const rules = cases.map(({ limits }) => ruleAt({ margin: 10, minimum: 1e-5 }, limits));
    const at = (i: number, stage: string, layer: number | null) => {
      const rule = rules[i];
      return typeof rule === 'function' ? rule({ stage, layer }) : rule;
    };
    expect(at(0, 'ffn_out', 1)).toEqual({ margin: 20, minimum: 1e-4 });
    expect(at(1, 'ffn_out', 1)).toEqual({ margin: 5, minimum: 1e-4 });
    expect(at(1, 'ffn_out', 3)).toEqual({ margin: 20, minimum: 1e-4 });
    expect(at(1, 'ffn_up', 3)).toEqual({ margin: 20, minimum: 1e-6 });
    expect(at(1, 'kq', 1)).toEqual({ margin: 10, minimum: 1e-5 });
    const [, second] = cases;
    const stages = second?.work.kind === 'engine' ? second.work.options.stages : '';
    expect(stages).toBe('kq,ffn_inp,ffn_rms,ffn_norm,ffn_gate,ffn_up,ffn_swiglu,ffn_out');
  });

  test('models, quantisations, engines and prompts are a matrix, each case with a name, places, options and files', async () => {
    const { cases } = await load({
      runs: [
        {
          model: ['a.gguf', 'sub/b.gguf'],
          quantize: [null, 'IQ2_XS'],
          stages: ['embd', 'q_*'],
          imatrix: 'a.imatrix.gguf',
          engines: [
            { name: 'ours', stream: true },
            { name: 'mine', engine: 'mine {model}', map: 'map.json' },
            { name: 'cuda', llamaLib: 'lib', device: 'CUDA0', stages: ['kq', 'l_*'] },
          ],
          prompts: ['Hello', { name: 'long', file: 'long.txt' }],
          exclude: ['b-IQ2_XS-*', '*-cuda-long'],
        },
      ],
    });
    expect(cases.map(({ name }) => name)).toEqual([
      ...['a-ours-hello', 'a-ours-long', 'a-mine-hello', 'a-mine-long', 'a-cuda-hello'],
      ...[
        'a-IQ2_XS-ours-hello',
        'a-IQ2_XS-ours-long',
        'a-IQ2_XS-mine-hello',
        'a-IQ2_XS-mine-long',
        'a-IQ2_XS-cuda-hello',
      ],
      ...['b-ours-hello', 'b-ours-long', 'b-mine-hello', 'b-mine-long', 'b-cuda-hello'],
    ]);
    expect(cases.at(-2)?.axes).toEqual({ model: 'b.gguf', quantize: null, engine: 'mine', prompt: 'long' });
    const optionsOf = (name: string) => {
      const work = cases.find((one) => one.name === name)?.work;
      return work?.kind === 'engine' ? work.options : undefined;
    };
    expect(optionsOf('a-IQ2_XS-ours-hello')).toMatchObject({
      ...{ quantize: 'IQ2_XS', imatrix: expect.stringMatching(/\/a.imatrix.gguf$/), stream: true, adapter: 'auto' },
    });
    expect(optionsOf('b-cuda-hello')).toMatchObject({
      ...{ device: 'CUDA0', llamaLib: expect.stringMatching(/\/lib$/), strict: true, prompt: 'Hello' },
      stages: 'kq,l_out',
    });
    expect(optionsOf('b-mine-hello')?.stages).toMatch(/^embd,/);
    // A file that is not asked for goes with no case.
    expect(optionsOf('b-cuda-hello')).not.toHaveProperty('imatrix');
    const places = cases.find(({ name }) => name === 'a-IQ2_XS-mine-long')?.files.map(([place]) => place);
    expect(places).toEqual([
      ...['runs[0].model', 'runs[0].imatrix', 'runs[0].engines[1].map', 'runs[0].prompts[1].file'],
    ]);
  });

  test('token ids are those of any vocabulary', async () => {
    expect(await names({ runs: [{ name: 'm', prompts: [{ tokens: [128_000, 262_143] }] }] })).toEqual([
      'm-128000-262143',
    ]);
  });
});

test('what shards must have read alike is the content of prompt files and baselines', async () => {
  const runs = [{ name: 'm', prompts: [{ name: 'p', file: 'p.txt' }] }];
  const config = write('probe.config.json', { runs, baselines: 'kept' });
  const at = (name: string) => join(config, '..', name);
  mkdirSync(at('kept'));
  const { cases } = casesOf(await loadConfig(config));
  const hashes = () => [inputsHash(cases, false), inputsHash(cases, true)];
  writeFileSync(at('p.txt'), 'Hello');
  const [first, written] = hashes();
  expect(hashes()).toEqual([first, written]);
  writeFileSync(at('kept/m-p.arrow'), 'baseline');
  const [second, same] = hashes();
  expect(second).not.toBe(first);
  expect(same).toBe(written); // --update writes it
  writeFileSync(at('p.txt'), 'Hello!');
  const [third, other] = hashes();
  expect(third).not.toBe(second);
  expect(other).not.toBe(written);
});
