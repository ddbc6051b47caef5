import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isLong } from '@llama-probe/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { findChromium, openBrowser } from './support/browser.js';
import { firstBlocks } from './support/models.js';
import { path } from './support/probe.js';
import { probeJson } from './support/session.js';
import { isInstalled, runTool } from './support/toolchains.js';

const example = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));

interface Language {
  readonly name: string;
  /** What compiles or runs it. */
  readonly tool: string;
  /** How it is compiled, and what is run then. */
  readonly build?: (out: string) => readonly string[];
  readonly script?: string;
  /** The bug that --bug switches on, and where it shows first. */
  readonly bug: { readonly id: string; readonly stage: string };
}

const LANGUAGES: readonly Language[] = [
  {
    name: 'Python, with its standard library alone',
    tool: 'python3',
    script: 'python/tiny_engine.py',
    bug: { id: 'rope-halves', stage: 'q_rope' },
  },
  {
    name: 'Rust',
    tool: 'rustc',
    build: (out) => ['--edition', '2021', '-O', '-D', 'warnings', '-o', out, example('rust/tiny_engine.rs')],
    bug: { id: 'gate-up-exchanged', stage: 'ffn_swiglu' },
  },
  {
    name: 'C++',
    tool: 'g++',
    build: (out) => ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Werror', '-o', out, example('cpp/tiny_engine.cpp')],
    bug: { id: 'gqa-tiled', stage: 'kq' },
  },
  {
    name: 'JavaScript',
    tool: process.execPath,
    script: 'javascript/tiny-engine.js',
    bug: { id: 'attention-scale-missing', stage: 'kq_soft_max' },
  },
];

/** What is started is the same program, told the same: where all tests run, of those that are compiled and of those that are not the fastest. */
const isStarted = (name: string): boolean => isLong || name === 'Rust' || name === 'JavaScript';

/** Half as many blocks are computed in half the time. */
const MODEL = firstBlocks(2);

interface Diffed {
  verdict: string;
  reason: string;
  first: { stage: string; layer: number; cause: { id: string; confidence: string } | null } | null;
  stages: { stage: string; layer: number | null }[];
  tokens: number[];
  alone: { candidate: { names: string[] } };
}

/** llama.cpp's run of a prompt, and the same tokens, those that it has decoded too, as one prompt. */
const asked = ['capture', '--from', 'llama', '--reference', 'exact', '--model', MODEL];
const [prompt, whole] = [path('prompt.arrow'), path('whole.arrow')];
const STEPS = 2;
let tokens: number[];
let decoded: number[];

beforeAll(async () => {
  const text = ['--prompt', 'What is 2 plus 3?'];
  ({ tokens } = (await probeJson<Diffed>([...asked, ...text, '--steps', '0', '--out', prompt])).json);
  const steps = ['--steps', `${STEPS}`, '--stages', 'embd', '--out', path('decoded.arrow')];
  ({ tokens: decoded } = (await probeJson<Diffed>([...asked, ...text, ...steps])).json);
  await probeJson([...asked, '--tokens', decoded.join(), '--steps', '0', '--out', whole]);
  expect(decoded).toHaveLength(tokens.length + STEPS);
});

describe.each(LANGUAGES)('the engine in $name', ({ name, tool, build, script, bug }) => {
  if (!isInstalled(tool)) {
    test.skip(`(skipped: ${tool} is not installed)`, () => {});
    return;
  }
  let command: readonly [string, ...string[]];
  beforeAll(() => {
    const built = path('tiny-engine');
    if (build) runTool(tool, build(built));
    command = build ? [built] : [tool, example(script ?? '')];
  });

  /** What the engine writes. */
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): string => {
    const out = path('mine.safetensors');
    const [program, ...before] = command;
    const asked = { PROBE_MODEL: MODEL, PROBE_TOKENS: tokens.join(), PROBE_OUT: out };
    runTool(program, [...before, ...args], { ...asked, ...env });
    return out;
  };

  test(`${bug.id} is found at ${bug.stage}, and named`, async () => {
    const { json, code } = await probeJson<Diffed>(['diff', run(['--bug']), prompt, '--model', MODEL]);
    expect(json.first, json.reason).toMatchObject({
      stage: bug.stage,
      layer: 0,
      cause: { id: bug.id, confidence: 'confirmed' },
    });
    expect(code).toBe(1);
  });

  test('agrees with llama.cpp, and decodes the same tokens, each as llama.cpp computes them in a prompt', async () => {
    const mine = run([], { PROBE_STEPS: `${STEPS}` });
    const { json, code, stderr } = await probeJson<Diffed>(['diff', mine, whole]);
    expect(json.verdict, json.reason + stderr).toBe('agree');
    expect(code).toBe(0);
    expect(json.tokens).toEqual(decoded);
    expect(json.alone.candidate.names).toEqual([]); // each name is understood
    const layers = json.stages.filter(({ stage }) => stage === 'ffn_out').map(({ layer }) => layer);
    expect(layers).toEqual([0, 1]);
  });

  test.runIf(isStarted(name))('is started by probe compare --engine', async () => {
    const started = `--engine=${command.map((word) => `'${word}'`).join(' ')}`;
    const asked = ['--model', MODEL, '--reference', 'exact', '--prompt', 'What is 2 plus 3?', '--steps', `${STEPS}`];
    const { json, code, stderr } = await probeJson<Diffed>(['compare', started, ...asked]);
    expect(json.verdict, json.reason + stderr).toBe('agree');
    expect(json.tokens).toEqual(decoded);
    expect(code).toBe(0);
  });

  test('says what it needs to be told', () => {
    const [program, ...args] = command;
    const { PROBE_MODEL: _, ...env } = process.env;
    const { status, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
    expect(stderr, name).toMatch(/^PROBE_MODEL.* the GGUF file, the token ids .* the file to write\.\n$/);
    expect(status).toBe(2);
  });
});

/** Which arrays a file has, of which shapes, as `probe inspect` reads them. */
async function shapesOf(file: string): Promise<Record<string, number[]>> {
  const { json, stderr } = await probeJson<{ tensors: { stage: string; layer: number | null; shape: number[] }[] }>([
    ...['inspect', file],
  ]);
  if (!json.tensors) throw new Error(stderr);
  return Object.fromEntries(json.tensors.map(({ stage, layer, shape }) => [`${stage}-${layer ?? ''}`, shape]));
}

describe('the writers', () => {
  const c = isInstalled('gcc');
  test.runIf(c)(`the C++ header in C${c ? '' : ' (skipped: gcc is not installed)'}`, async () => {
    const [source, program, out] = [path('writes.c'), path('writes'), path('c.safetensors')];
    writeFileSync(
      source,
      `#define PROBE_DUMP_IMPLEMENTATION
      #include "probe_dump.h"
      int main(int count, char **args) {
        const float x[4] = {1, 2, 3, 4};
        const int32_t ids[2] = {1, 2};
        int failed = count != 2 || probe_keep("embd", -1, x, 2, 2);
        for (int token = 0; token < 2; token++) failed |= probe_keep("l_out", 0, x + 2 * token, 1, 2);
        return failed || probe_keep("l_out", 0, x, 1, 3) != -1 || probe_save(args[1], ids, 2);
      }`,
    );
    const flags = ['-std=c99', '-Wall', '-Wextra', '-Werror', '-pedantic', '-I', example('cpp')];
    runTool('gcc', [...flags, '-o', program, source]);
    runTool(program, [out]);
    expect(await shapesOf(out)).toEqual({ 'embd-': [2, 2], 'l_out-0': [2, 2] });
  });

  const chromium = findChromium();
  const browser = chromium ? '' : ' (skipped: no Chromium)';
  test.runIf(chromium)(`JavaScript's in a browser${browser}`, async () => {
    const source = readFileSync(example('javascript/probe-dump.js'));
    const opened = await openBrowser(chromium as string);
    const page = await opened.newPage();
    const module = `data:text/javascript;base64,${source.toString('base64')}`;
    // As text: vitest would make another import of it.
    const bytes = await page.evaluate<number[]>(`(async () => {
      const { ProbeDump } = await import(${JSON.stringify(module)});
      const dump = new ProbeDump();
      dump.keep('embd', null, [1, 2, 3, 4, 5, 6], [2, 3]);
      for (const row of [1, 2]) dump.keep('l_out', 0, new Float32Array([row, row, row]), [1, 3]);
      return [...new Uint8Array(await dump.blob([1, 2]).arrayBuffer())];
    })()`);
    await opened.close();
    const out = path('browser.safetensors');
    writeFileSync(out, Uint8Array.from(bytes));
    expect(await shapesOf(out)).toEqual({ 'embd-': [2, 3], 'l_out-0': [2, 3] });
  });

  /** What Python's writer makes of lines that have `keep`, `save`, `hook_modules` and, as `out`, where to save. */
  const python = (lines: readonly string[]): string => {
    const [file, out] = [path('writes.py'), path('python.safetensors')];
    const begin = [
      `import sys; sys.path.insert(0, ${JSON.stringify(example('python'))}); out = ${JSON.stringify(out)}`,
    ];
    const imports = ['from probe_dump import keep, save', 'from hook_modules import hook_modules'];
    writeFileSync(file, [...begin, ...imports, ...lines, ''].join('\n'));
    runTool('python3', [file]);
    return out;
  };

  const numpy = isInstalled('python3', ['-c', 'import numpy']);
  test.runIf(numpy)(`Python's on NumPy${numpy ? '' : ' (skipped: python3 has no numpy)'}`, async () => {
    const out = python([
      'import numpy',
      'keep("embd", None, numpy.ones((1, 2, 3), dtype="float16"))',
      'keep("q_rope", 0, numpy.ones((4, 2, 8)).transpose(0, 1, 2))',
      'for _ in range(2): keep("l_out", 0, numpy.ones((1, 3)))',
      'save(out, numpy.array([1, 2]))',
    ]);
    expect(await shapesOf(out)).toEqual({ 'embd-': [2, 3], 'q_rope-0': [2, 32], 'l_out-0': [2, 3] });
  });

  const torch = isInstalled('python3', ['-c', 'import torch']);
  test.runIf(torch)(`Python's on modules${torch ? '' : ' (skipped: python3 has no torch)'}`, async () => {
    const out = python([
      'import torch',
      'class Layer(torch.nn.Module):',
      '  def __init__(self):',
      '    super().__init__()',
      '    self.mlp = torch.nn.ModuleDict({"down_proj": torch.nn.Linear(4, 3)})',
      '  def forward(self, x): return (x + self.mlp["down_proj"](torch.cat([x, x], -1)[..., :4]),)',
      'class Model(torch.nn.Module):',
      '  def __init__(self):',
      '    super().__init__()',
      '    self.embed_tokens = torch.nn.Embedding(10, 3)',
      '    self.layers = torch.nn.ModuleList([Layer()])',
      '  def forward(self, ids): return self.layers[0](self.embed_tokens(ids))[0]',
      'model = torch.nn.ModuleDict({"model": Model()}).to(torch.bfloat16)',
      'ids = hook_modules(model)',
      'model["model"](torch.tensor([[1, 2]]))',
      'save(out, ids)',
    ]);
    expect(await shapesOf(out)).toMatchObject({
      ...{ 'embd-': [2, 3], 'ffn_swiglu-0': [2, 4], 'ffn_out-0': [2, 3], 'l_out-0': [2, 3] },
    });
  });
});
