import { mkdirSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tableFromIPC } from 'apache-arrow';
import { XMLParser } from 'fast-xml-parser';
import pl from 'nodejs-polars';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { COLUMNS } from '../packages/report/src/tables/rows.js';
import { BUNDLED } from './support/models.js';
import { type Ended, path, probe as start } from './support/probe.js';
import { probe } from './support/session.js';

const DOCS = readFileSync(fileURLToPath(new URL('../docs/outputs.md', import.meta.url)), 'utf8');
const SICK = ['compare', '--prompt', 'What is 2 plus 3?', '--steps', '2', '--inject', 'rope-halves@2'];
const HEALTHY = ['compare', '--prompt', 'Hello', '--steps', '1'];
/** Where it matters only what becomes of a report: two stages, and nothing measured. */
const LITTLE = ['compare', '--prompt', 'Hello', '--steps', '0', '--stages', 'embd,result_output', '--no-floors'];

interface Written extends Ended {
  readonly folder: string;
  read(name: string): string;
}

/** Runs the command with every output at once, JSON on standard output. */
async function withOutputs(args: readonly string[]): Promise<Written> {
  const folder = path('outputs');
  mkdirSync(folder);
  const files = {
    '--html': 'report.html',
    '--markdown': 'comment.md',
    '--junit': 'report.xml',
    '--csv': 'stages.csv',
    '--arrow': 'comparison.arrow',
  };
  const options = Object.entries(files).flatMap(([option, name]) => [option, join(folder, name)]);
  const ended = await probe([...args, '--json', '--github', ...options], {
    env: { GITHUB_STEP_SUMMARY: join(folder, 'summary.md') },
  });
  expect(readdirSync(folder).sort()).toEqual([...Object.values(files), 'summary.md'].sort());
  return { ...ended, folder, read: (name) => readFileSync(join(folder, name), 'utf8') };
}

const suitesOf = (xml: string) =>
  new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(xml).testsuites as Record<string, string>;
const frameOf = ({ folder }: Written) => pl.readIPC(readFileSync(join(folder, 'comparison.arrow')));

let sick: Written;
let healthy: Written;

beforeAll(async () => {
  sick = await withOutputs(SICK);
  healthy = await withOutputs(HEALTHY);
});

describe('several outputs at once say the same', () => {
  test('of a healthy run', () => {
    const json = JSON.parse(healthy.stdout);
    expect([healthy.code, json.verdict]).toEqual([0, 'agree']);
    expect(healthy.read('comment.md')).toMatch(/^## ✓ llama-probe: agree\n/);
    expect(healthy.read('summary.md')).toBe(healthy.read('comment.md'));
    const { tests, failures, errors } = suitesOf(healthy.read('report.xml'));
    expect({ tests, failures, errors }).toEqual({ tests: '80', failures: '0', errors: '0' });
    expect(healthy.stderr).toMatch(/^::notice title=.*::All \d+ stages agree/m);
    expect(healthy.stderr).not.toContain('::error');
    expect(frameOf(healthy).height).toBe(json.stages.length);
  });

  test('of a sick run', () => {
    const json = JSON.parse(sick.stdout);
    expect([sick.code, json.verdict]).toEqual([1, 'diverged']);
    expect(sick.read('comment.md')).toContain('**First wrong stage: `q_rope of layer 2`**');
    expect(sick.read('comment.md')).toContain('- how sure: confirmed (rope-halves): ');
    const { tests, failures, errors } = suitesOf(sick.read('report.xml'));
    expect({ tests, failures, errors }).toEqual({ tests: '81', failures: '3', errors: '0' }); // q_rope, k_rope, rope-norm
    expect(sick.stderr.match(/^::error .*/gm)).toHaveLength(1); // one bug, in q_rope and k_rope
    expect(sick.read('stages.csv').split('\n')).toHaveLength(json.stages.length + 2);
    const stages = frameOf(sick).getColumn('rel').toArray();
    expect(stages).toEqual(json.stages.map(({ rel }: { rel: number }) => rel));
  });
});

describe('--json is what its published schema says', () => {
  const schemaOf = (kind: string): z.core.JSONSchema.JSONSchema =>
    JSON.parse(readFileSync(new URL(`../packages/probe/schema/${kind}.schema.json`, import.meta.url), 'utf8'));
  const expectDocument = (stdout: string, kind: string) => {
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ schema: 1, kind });
    expect(z.fromJSONSchema(schemaOf(kind)).safeParse(document).error?.issues).toBeUndefined();
  };

  test('of a comparison that agrees, and of one that diverged', () => {
    expectDocument(healthy.stdout, 'comparison');
    expectDocument(sick.stdout, 'comparison');
    expect(healthy.stdout).toContain('"sqnr":{"number":"Infinity"}');
  });

  const dump = path('dump.arrow');
  const config = path('probe.config.json');
  const prompts = path('prompts.txt');
  beforeAll(() => {
    writeFileSync(prompts, 'Hello\nWhat is it?\n');
    writeFileSync(config, '{"runs": [{"prompts": ["Hello"], "steps": 0}], "baselines": false}');
  });

  test.each<[string, string[]]>([
    ['capture', ['capture', '--from', 'llama', '--tokens', '1,2', '--steps', '0', '--out', dump]],
    ['check', ['check', dump]],
    ['import', ['import', dump, path('imported.arrow')]],
    ['inspection', ['inspect', dump, '--stage', 'q_rope', '--values', '2']],
    ['weights', ['weights', '--tensor', 'output*', '--values', '2']],
    ['weights-comparison', ['weights', '--against', BUNDLED]],
    ['doctor', ['doctor']],
    ['text', ['text', '--prompts', prompts, '--inject', 'rope-halves', '--find', 'onset', '--no-floors']],
    ['bugs', ['bugs']],
    ['failure', ['diff', dump, path('missing.arrow')]],
    ['failure', ['compare', '--no-such-option']],
    ['gate', ['gate', '--config', config]],
  ])('of the kind %s', async (kind, args) => {
    expectDocument((await probe([...args, '--json'])).stdout, kind);
  });
});

describe('docs/outputs.md', () => {
  interface Row {
    [column: string]: string;
  }
  /** The queries, each with the table below it. */
  const worked = [...DOCS.matchAll(/```sql\n(.*?)```\n\n((?:\|[^\n]*\n)+)/gs)].map(([, sql = '', table = '']) => {
    const [head = [], , ...rows] = table
      .trimEnd()
      .split('\n')
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    return {
      sql,
      columns: head,
      rows: rows.map((row): Row => Object.fromEntries(head.map((name, i) => [name, row[i] ?? '']))),
    };
  });
  const query = (written: Written, i: number) => {
    const frame = pl.SQLContext({ comparison: frameOf(written) }).execute(worked[i]?.sql ?? '', { eager: true });
    expect(frame.columns).toEqual(worked[i]?.columns);
    return frame.toRecords() as Record<string, string | number | null>[];
  };

  test('has three queries', () => expect(worked).toHaveLength(3));

  test('the worst stage of each layer', () => {
    const rows = query(sick, 0);
    expect(rows.map(({ layer }) => String(layer))).toEqual(worked[0]?.rows.map(({ layer }) => layer));
    expect(rows.map(({ of_limit }) => Number(of_limit) > 1)).toEqual([false, false, true, true]);
    expect(worked[0]?.rows.map(({ of_limit }) => Number(of_limit) > 1)).toEqual([false, false, true, true]);
    expect(query(healthy, 0).every(({ of_limit }) => Number(of_limit) < 1)).toBe(true);
  });

  test('where the delta grows', () => {
    const rows = query(sick, 1);
    expect(rows).toHaveLength(4);
    expect(rows[0]?.layer).toBe(2);
    expect(rows[0]?.growth).toBeGreaterThan(1e4);
    expect(rows[3]).toMatchObject({ layer: 0, growth: null });
    expect(worked[1]?.rows[0]?.layer).toBe('2');
  });

  test('the faults and their heirs', () => {
    const rows = query(sick, 2).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, String(cell)])),
    );
    expect(rows).toEqual(worked[2]?.rows);
    const { faults } = JSON.parse(sick.stdout);
    expect(rows).toHaveLength(faults.length);
    expect(query(healthy, 2)).toEqual([]);
  });

  test('has every column with its type', () => {
    const section = DOCS.slice(DOCS.indexOf('## CSV and Arrow'));
    const listed = [...section.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, type]) => ({ name, type }));
    expect(listed).toEqual(COLUMNS.map(({ name, type }) => ({ name, type })));
  });
});

test('the reporter of docs/outputs.md makes a report of its own', async () => {
  const [, example = ''] = /```ts\n(\/\/ closest\.ts\n.*?)```/s.exec(DOCS) ?? [];
  const reporter = path('closest.ts');
  writeFileSync(reporter, example);
  const { code, stdout } = await probe([...LITTLE, '--reporter', reporter]);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^smalltalk-4M-F16\.gguf, \d+ tokens: agree, closest to its limit is \w+\n$/),
  ]);
  writeFileSync(reporter, 'export default () => { throw new Error("oh no"); };');
  const broken = await probe([...LITTLE, '--reporter', reporter]);
  expect([broken.code, broken.stdout]).toEqual([2, '']);
  expect(broken.stderr).toMatch(/closest\.ts threw: oh no\. Mend it/);
  expect(broken.stderr).not.toMatch(/ {4}at /);
});

describe('standard output', () => {
  test('takes a text, alone', async () => {
    const { code, stdout } = await start([...LITTLE, '--markdown', '-']);
    expect([code, stdout.split('\n')[0]]).toEqual([0, '## ✓ llama-probe: agree']);
    expect(stdout).not.toContain('✓ agree: '); // the text report
  });

  test('takes bytes as they are', async () => {
    const file = path('piped.arrow');
    expect((await start([...LITTLE, '--arrow', '-'], { stdout: openSync(file, 'w') })).code).toBe(0);
    expect(tableFromIPC(readFileSync(file)).numRows).toBe(2);
  });

  test('has annotations after the text where nothing else takes it', async () => {
    const { stdout, stderr } = await probe([...LITTLE, '--github']);
    expect(stdout).toMatch(/✓ agree: .*\n::notice title=/s);
    expect(stderr).toContain('this is not GitHub Actions');
  });
});

describe('what cannot be written is refused before anything runs', () => {
  const folder = path('places');
  mkdirSync(folder);
  const there = join(folder, 'there.csv');
  writeFileSync(there, 'before');
  const link = join(folder, 'link');
  symlinkSync(there, link);

  test.each<[string, string[], string]>([
    ['two on standard output', ['--json', '--csv', '-'], '--json and --csv both write to standard output'],
    ['two in one file', ['--csv', there, '--junit', there], '--junit and --csv both write to'],
    [
      'two in one file under two names',
      ['--csv', `${folder}/../${folder.split('/').at(-1)}/there.csv`, '--arrow', link],
      'both write to',
    ],
    ['a folder', ['--markdown', folder], '(EISDIR): it is a folder'],
    ['a folder that does not exist', ['--junit', join(folder, 'no', 'x.xml')], '(ENOENT): its folder does not exist'],
    ['a file in a file', ['--arrow', join(there, 'x.arrow')], '(ENOTDIR)'],
    ['no name', ['--html', ''], '--html: wanted the name of a file'],
  ])('%s', async (_, options, message) => {
    const { code, stderr, stdout } = await probe([...HEALTHY, ...options]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/ {4}at /);
    if (stdout !== '') expect(JSON.parse(stdout)).toMatchObject({ verdict: 'incomparable', error: { code: 'usage' } });
    expect(readFileSync(there, 'utf8')).toBe('before');
    expect(readdirSync(folder).sort()).toEqual(['link', 'there.csv']);
  });

  test('a dump that is compared is not overwritten', async () => {
    const out = path('kept');
    expect((await probe([...LITTLE, '--out', out])).code).toBe(0);
    const [ours, theirs] = ['candidate', 'reference'].map((name) => join(out, `${name}.arrow`)) as [string, string];
    const before = readFileSync(ours);
    const { code, stderr } = await probe(['diff', ours, theirs, '--arrow', ours]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('that this command itself reads or keeps')]);
    expect((await probe([...LITTLE, '--out', out, '--csv', theirs])).code).toBe(2);
    expect(readFileSync(ours)).toEqual(before);
    const written = await withOutputs(['diff', ours, theirs]);
    expect([written.code, frameOf(written).height]).toEqual([0, 2]);
  });
});

test('a disk that is full is an error, and the other outputs are written', async () => {
  const csv = path('stages.csv');
  const { code, stderr, stdout } = await probe([...LITTLE, '--markdown', '/dev/full', '--csv', csv, '--no-tui']);
  expect(code).toBe(2);
  expect(stderr).toContain('--markdown: /dev/full cannot be written (ENOSPC): there is no room left.');
  expect(stderr).not.toMatch(/ {4}at /);
  expect(stdout).toContain('✓ agree');
  expect(readFileSync(csv, 'utf8').split('\n')).toHaveLength(4);
});

test('a file that is there is replaced, a link stays one', async () => {
  const file = path('comment.md');
  const link = path('link.md');
  writeFileSync(file, 'before'.repeat(10_000));
  symlinkSync(file, link);
  expect((await probe([...LITTLE, '--markdown', link])).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toMatch(/^## ✓ llama-probe: agree\n.*<\/details>\n$/s);
});
