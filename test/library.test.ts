import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUNDLED } from './support/models.js';
import { probe } from './support/session.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string, file: string) =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);

/** A project that has llama-probe: beneath the root, where its modules are found. */
let project: string;
beforeAll(async () => {
  mkdirSync(join(ROOT, 'dumps'), { recursive: true });
  project = mkdtempSync(join(ROOT, 'dumps', 'library-'));
  copyFileSync(BUNDLED, join(project, 'model.gguf'));
  const mine = await probe([
    'capture',
    '--from',
    'webgpu',
    '--tokens',
    '1,5,9',
    '--steps',
    '0',
    '--out',
    join(project, 'mine.arrow'),
  ]);
  expect(mine.code, mine.stderr).toBe(0);
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

/** The examples of a document, by the name that their first line gives them. */
function examplesOf(document: string): Map<string, string> {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const blocks = [...text.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```$/gms)];
  return new Map(blocks.map(([, name = '', code = '']) => [name, code]));
}

const node = (args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
  return { status, stdout, stderr };
};

describe('docs/library.md', () => {
  const examples = examplesOf('docs/library.md');

  test('has these examples', () => {
    expect([...examples.keys()]).toEqual(['agree.test.ts', 'report.ts', 'prompts.ts', 'errors.ts']);
  });

  test('they compile, and do what the document says', () => {
    for (const [name, code] of examples) writeFileSync(join(project, name), code);
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
      types: ['node'],
      outDir: 'out',
    };
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    const compiled = node([bin('typescript', 'bin/tsc'), '-p', '.']);
    expect(compiled.stdout).toBe('');
    expect(compiled.status).toBe(0);

    // One after the other in one process, which reads the package once.
    const all = ['report', 'prompts', 'errors'].map((name) => `await import('./out/${name}.js');\n`);
    writeFileSync(join(project, 'all.js'), all.join(''));
    const { stdout, stderr } = node(['all.js']);
    expect(stderr).toBe('');
    const [verdict, ...faults] = stdout.split('\n');
    expect(verdict).toBe('diverged q_rope rope-halves');
    expect(faults.slice(0, 2)).toEqual([
      expect.stringMatching(/^fault: q_rope of layer 1, /),
      expect.stringMatching(/^fault: k_rope of layer 1, /),
    ]);
    expect(stdout.endsWith('\nagree 1\n1 468\ndump-not-found\n'), stdout).toBe(true);
  });

  test('the test passes on a healthy run, and fails on a sick one with the whole report', () => {
    writeFileSync(
      join(project, 'vitest.config.js'),
      'export default { test: { include: ["*.test.ts"], testTimeout: 240_000, isolate: false, maxWorkers: 1 } };',
    );
    writeFileSync(join(project, 'agree.test.ts'), examples.get('agree.test.ts') ?? '');
    const inject = `import { dump, compare, webgpu } from 'llama-probe';\nimport 'llama-probe/vitest';\nimport { expect, test } from 'vitest';
test('is sick', async () => {
  await using mine = await webgpu('model.gguf', { inject: 'rms-eps' });
  await using reference = await dump('mine.arrow');
  expect(await compare(mine, reference)).toAgree();
});
test('is not awaited', () => expect(() => expect(Promise.resolve()).toAgree()).toThrow('await it first'));
`;
    writeFileSync(join(project, 'sick.test.ts'), inject);
    const sick = node([bin('vitest', 'vitest.mjs'), 'run', '--root', project, '--no-color']);
    expect(sick.status).toBe(1);
    const said = sick.stdout + sick.stderr;
    expect(said).toContain('attn_rms of layer 0 is the first stage that is wrong');
    expect(said).toContain("wrong from llama-probe's");
    expect(said).toMatch(/✗ diverged: .*epsilon.*: attn_rms/i);
    expect(said).toContain('1 failed | 2 passed'); // the document's own among them
  });
});

describe('the public surface of llama-probe', () => {
  test('these values', async () => {
    const values = Object.keys(await import('../packages/probe/dist/index.js' as string)).sort();
    expect(values).toEqual([
      'CrashError',
      'DumpError',
      'InterruptedError',
      'LlamaCppError',
      'LlamaModelError',
      'ModelError',
      'ProgramError',
      'PromptError',
      'QuantizeError',
      'RunError',
      'ServerError',
      'UnsupportedLibraryError',
      'UsageError',
      'compare',
      'defineConfig',
      'dump',
      'llama',
      'program',
      'runCli',
      'runItself',
      'runRepeat',
      'runServer',
      'runText',
      'runTokenize',
      'textReport',
      'webgpu',
    ]);
  });

  test('these types beside them, and these doors', () => {
    const declarations = readFileSync(join(ROOT, 'packages/probe/dist/index.d.ts'), 'utf8');
    const types = [...declarations.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, all, names = '']) =>
      names
        .split(',')
        .map((name) => name.trim())
        .flatMap((name) => (all || name.startsWith('type ') ? [name.replace(/^type /, '')] : [])),
    );
    expect(types.sort()).toEqual([
      'Cause',
      'CompareAsk',
      'ComparisonDocument',
      'Diagnosis',
      'DumpErrorCode',
      'DumpMetadata',
      'Failure',
      'Fault',
      'First',
      'GateConfig',
      'GateResult',
      'Generated',
      'GgufFile',
      'Graph',
      'Heads',
      'Itself',
      'ItselfAsk',
      'LimitRule',
      'LlamaOptions',
      'Look',
      'ModelErrorCode',
      'NamedFault',
      'Opening',
      'Outcome',
      'Pass',
      'Place',
      'ProgramErrorCode',
      'ProgramOptions',
      'RepeatAsk',
      'Repeated',
      'Report',
      'ReportFunction',
      'Reporter',
      'RunErrorCode',
      'RunPlan',
      'ServerAsk',
      'ServerErrorCode',
      'ServerReport',
      'Side',
      'SideAbout',
      'SideRun',
      'StageId',
      'StageResult',
      'Tensor',
      'TextAsk',
      'TextOptions',
      'TextReport',
      'TextTools',
      'TokenizeAsk',
      'Tokenized',
      'Verdict',
      'Watcher',
      'WebgpuOptions',
      'Where',
    ]);
    const { exports } = JSON.parse(readFileSync(join(ROOT, 'packages/probe/package.json'), 'utf8'));
    expect(Object.keys(exports)).toEqual(['.', './vitest', './internal']);
  });

  test('every package has the same version: a dump is signed with it', () => {
    const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { workspaces: string[] };
    const versions = workspaces.map((one) => JSON.parse(readFileSync(join(ROOT, one, 'package.json'), 'utf8')).version);
    expect(new Set(versions).size).toBe(1);
  });
});
