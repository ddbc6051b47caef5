import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDump } from '@llama-probe/dump';
import { beforeAll, describe, expect, test } from 'vitest';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

const fixture = (name: string) => fileURLToPath(new URL(`../packages/import/test/fixtures/${name}`, import.meta.url));

/** The run that the fixtures are of. */
const TOKENS = '1,468,300,27,5,900,12';
const reference = path('reference.arrow');

interface Diffed {
  verdict: string;
  reason: string;
  first: { stage: string; layer: number | null } | null;
  tokens: number[];
  stages: { stage: string; layer: number | null }[];
  candidate: { name: string; notes?: string[] };
  reference: { notes?: string[] };
  error?: { code: string };
}

beforeAll(async () => {
  const asked = ['--from', 'llama', '--reference', 'exact', '--tokens', TOKENS, '--steps', '0'];
  expect((await probe(['capture', ...asked, '--out', reference])).code).toBe(0);
});

describe('what PyTorch and others have saved', () => {
  test.each(['mine.safetensors', 'mine.npz', 'mine.pt'])(
    '%s agrees with llama.cpp, and the report says how it was read',
    async (name) => {
      const { code, json, stderr } = await probeJson<Diffed>(['diff', fixture(name), reference]);
      expect(json, stderr).toMatchObject({ verdict: 'agree', first: null });
      expect(code).toBe(0);
      expect(json.stages.map(({ stage }) => stage)).toEqual(['embd', 'attn_norm', 'v_proj', 'attn_out', 'l_out']);
      expect(json.candidate.notes).toContain(`token ids: it has none; those of ${reference} were taken`);
      expect(json.candidate.notes).toContain('a batch dimension of 1 was dropped: 5 tensors');
      expect(json.reference.notes).toBeUndefined();
    },
  );

  test('logits alone', async () => {
    const values = path('logits.bin');
    writeFileSync(values, readFileSync(fixture('lm_head.npy')).subarray(128));
    for (const file of [fixture('lm_head.npy'), values]) {
      const { code, json } = await probeJson<Diffed>(['diff', file, reference]);
      expect(json.stages.map(({ stage }) => stage)).toEqual(['result_output']);
      expect(code).toBe(0);
    }
  });

  test('a wrong value is found at its stage', async () => {
    const wrong = path('wrong.npz');
    cpSync(fixture('mine.safetensors'), wrong); // by its content, whatever it is called
    const bytes = readFileSync(wrong);
    const at = bytes.length - 4 * 1500; // the last array is v_proj
    bytes.writeFloatLE(bytes.readFloatLE(at) + 1, at);
    writeFileSync(wrong, bytes);
    const { code, json } = await probeJson<Diffed>(['diff', wrong, reference]);
    expect(json.first).toMatchObject({ stage: 'attn_out', layer: 0 });
    expect(code).toBe(1);
  });

  test('a wrong stage is told with the line of the code that computes it, and GitHub annotates that', async () => {
    const [wrong, map] = [path('wrong.safetensors'), path('map.json')];
    const bytes = readFileSync(fixture('mine.safetensors'));
    const at = bytes.length - 4 * 1500;
    bytes.writeFloatLE(bytes.readFloatLE(at) + 1, at);
    writeFileSync(wrong, bytes);
    const name = 'model.layers.{layer}.self_attn.o_proj';
    writeFileSync(map, JSON.stringify({ tensors: [{ name, stage: 'attn_out', source: 'src/attention.rs:212' }] }));
    const { json } = await probeJson<{ first: { where: { source: string; text: string } } }>([
      ...['diff', wrong, reference, '--map', map],
    ]);
    expect(json.first.where.source).toBe('src/attention.rs:212');
    expect(json.first.where.text).toMatch(/; the line is src\/attention\.rs:212$/);
    const { stdout } = await probe(['diff', wrong, reference, '--map', map, '--github']);
    expect(stdout).toContain('::error file=src/attention.rs,line=212,title=');
  });

  test('text, Markdown and the page say how it was read', async () => {
    const [markdown, page] = [path('report.md'), path('report.html')];
    const args = ['diff', fixture('mine.safetensors'), reference, '--markdown', markdown, '--html', page];
    const { stdout, code, stderr } = await probe(args);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('mine.safetensors was read so:\n  format: safetensors\n');
    expect(readFileSync(markdown, 'utf8')).toContain('names: Hugging Face modules');
    expect(readFileSync(page, 'utf8')).toContain('names: Hugging Face modules');
  });
});

describe('capture into a file of arrays', () => {
  const asked = ['--from', 'llama', '--reference', 'exact', '--tokens', TOKENS];

  test.each(['safetensors', 'npz'])('.%s is what the dump is, value for value', async (ending) => {
    const out = path(`captured.${ending}`);
    const { code, json } = await probeJson<{ tensors: number; bytes: number }>([
      'capture',
      ...asked,
      '--steps',
      '0',
      '--out',
      out,
    ]);
    expect(code).toBe(0);
    expect(json.bytes).toBe(readFileSync(out).length);
    const diffed = await probeJson<Diffed & { stages: { rel: number; maxAbs: number }[]; alone: object }>([
      'diff',
      out,
      reference,
      '--strict',
    ]);
    expect(diffed.json.verdict, diffed.stderr).toBe('agree');
    expect(diffed.json.stages).toHaveLength(json.tensors);
    for (const { maxAbs } of diffed.json.stages) expect(maxAbs).toBe(0);
  });

  test('steps are refused before anything runs, and so is a dump that has them', async () => {
    const out = path('steps.npz');
    const { code, json, stderr } = await probeJson<Diffed>(['capture', ...asked, '--out', out]);
    expect([code, json.error?.code]).toEqual([2, 'usage']);
    expect(stderr).toContain('--steps 0');
    expect(existsSync(out)).toBe(false);
  });

  test('import writes one too', async () => {
    const out = path('imported.npz');
    expect((await probe(['import', fixture('mine.pt'), out, '--tokens', TOKENS])).code).toBe(0);
    const { json } = await probeJson<Diffed>(['diff', out, reference]);
    expect(json).toMatchObject({ verdict: 'agree' });
    expect(json.candidate.notes).toContain('token ids: its own, 7');
  });
});

describe('a suggested mapping file', () => {
  const renamed = (file: string) => {
    const bytes = readFileSync(file);
    const length = Number(bytes.readBigUInt64LE(0));
    const header = Object.entries(JSON.parse(bytes.toString('utf8', 8, 8 + length)));
    const names = header.map(([name, entry]) => [name.replace('model.', 'my_').replace('layers', 'net'), entry]);
    const text = Buffer.from(JSON.stringify(Object.fromEntries(names)));
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(text.length));
    const out = path('renamed.safetensors');
    writeFileSync(out, Buffer.concat([head, text, bytes.subarray(8 + length)]));
    return out;
  };

  test('makes names of its own comparable', async () => {
    const mine = renamed(fixture('mine.safetensors'));
    const before = await probeJson<Diffed>(['diff', mine, reference]);
    expect(before.json.stages).toEqual([]);
    const { stdout, stderr, code } = await probe(['diff', mine, reference, '--suggest-map']);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/my_net\.\{layer\}\.self_attn\.v_proj is v_proj, to within /);
    const map = path('map.json');
    writeFileSync(map, stdout);
    const after = await probeJson<Diffed>(['diff', mine, reference, '--map', map]);
    expect(after.json.stages.map(({ stage }) => stage)).toEqual(['embd', 'attn_norm', 'v_proj', 'attn_out', 'l_out']);
    expect(after.json).toMatchObject({ verdict: 'agree' });
  });

  test('is empty where nothing is to be named, and a dump has columns', async () => {
    const none = await probe(['diff', fixture('mine.safetensors'), reference, '--suggest-map']);
    expect([none.code, JSON.parse(none.stdout)]).toEqual([1, { tensors: [] }]);
    const dump = await probeJson<Diffed>(['diff', reference, reference, '--suggest-map', '--json']);
    expect([dump.code, dump.json.error?.code]).toEqual([2, 'dump-unsupported']);
  });
});

describe("llama.cpp's log", () => {
  const log = fixture('llama-debug.log');

  test('agrees with llama.cpp, on whichever side it is', async () => {
    for (const sides of [
      [log, reference],
      [reference, log],
    ]) {
      const { code, json, stderr } = await probeJson<Diffed>(['diff', ...sides]);
      expect(json, stderr).toMatchObject({ verdict: 'agree', first: null });
      expect(code).toBe(0);
      expect(json.stages.map(({ stage }) => stage)).toEqual(expect.arrayContaining(['kq', 'q_rope', 'sum of l_out']));
    }
  });

  test('a printed value that is wrong, and a sum, are found at their stage', async () => {
    const text = readFileSync(log, 'utf8');
    const begin = text.indexOf('Kcur-0 = (f32)       ROPE');
    const changed = (pattern: RegExp, put: string) => {
      const file = path('wrong.log');
      writeFileSync(file, text.slice(0, begin) + text.slice(begin).replace(pattern, put));
      return file;
    };
    const value = await probeJson<Diffed>(['diff', changed(/\[ +-?\d+\.\d+/, '[ 3.2500'), reference]);
    expect(value.json.first, value.stderr).toMatchObject({ stage: 'k_rope', layer: 0, token: 0 });
    expect(value.code).toBe(1);
    const sum = await probeJson<Diffed>(['diff', changed(/sum = \S+/, 'sum = 123.000000'), reference]);
    expect(sum.json.first, sum.stderr).toMatchObject({ stage: 'sum of k_rope', layer: 0 });
    expect(sum.json.reason).toContain('sum of k_rope of layer 0 is the first stage that is wrong');
    expect(sum.code).toBe(1);
  });

  test.each([
    ['check', ['check', log], 'dump-unsupported'],
    ['import', ['import', log, path('log.arrow')], 'dump-unsupported'],
    ['two logs', ['diff', log, log], 'usage'],
    ['--blame', ['diff', log, reference, '--blame', '--model', 'x.gguf'], 'usage'],
    ['--strict', ['diff', log, reference, '--strict'], 'usage'],
  ])('%s is refused', async (_, args, error) => {
    const { code, json } = await probeJson<Diffed>(args);
    expect(json.error?.code).toBe(error);
    expect(code).toBe(2);
  });
});

describe('token ids', () => {
  test('that are given are run', async () => {
    const other = await probeJson<Diffed>([
      'diff',
      fixture('mine.safetensors'),
      reference,
      '--tokens',
      '1,2,3,4,5,6,7',
    ]);
    expect(other.json).toMatchObject({ verdict: 'incomparable' });
    expect(other.json.reason).toContain('different tokens');
  });

  test('of neither side are taken to be the same', async () => {
    const file = fixture('mine.safetensors');
    const { json, code } = await probeJson<Diffed>(['diff', file, file]);
    expect(json).toMatchObject({ verdict: 'agree', tokens: [] });
    expect(json.stages).toHaveLength(5);
    expect(code).toBe(0);
  });

  test('of another number than there are rows are refused', async () => {
    const failed = await probeJson<Diffed>(['diff', fixture('mine.safetensors'), reference, '--tokens', '1,2']);
    expect(failed.json.error?.code).toBe('dump-shape');
    expect(failed.stderr).toContain('[1, 7, 256]');
    expect(failed.code).toBe(2);
  });
});

describe('other commands', () => {
  test('check', async () => {
    const { json, code } = await probeJson<{ known: number; notes: string[] }>([
      'check',
      fixture('transformers-llama'),
    ]);
    expect(json.known).toBeGreaterThan(10);
    expect(json.notes).toContain('token ids: its own, 12');
    expect(code).toBe(0);
  });

  test('inspect', async () => {
    const { json, code } = await probeJson<{ tensors: { stage: string; shape: number[] }[]; notes: string[] }>([
      'inspect',
      fixture('mine.safetensors'),
    ]);
    expect(json.tensors.map(({ stage }) => stage)).toContain('attn_out');
    expect(json.notes[0]).toBe('format: safetensors');
    expect(code).toBe(0);
  });

  test('import writes a dump of ours, which agrees and has its tokens', async () => {
    const out = path('imported.arrow');
    const args = ['import', fixture('mine.pt'), out, '--tokens', TOKENS];
    const { json, code } = await probeJson<{ tensors: number; notes: string[]; tokens: number[] }>(args);
    expect(code).toBe(0);
    expect(json).toMatchObject({ tensors: 5, tokens: TOKENS.split(',').map(Number) });
    expect(json.notes).toContain('format: PyTorch');
    const diffed = await probeJson<Diffed>(['diff', out, reference]);
    expect(diffed.json).toMatchObject({ verdict: 'agree' });
    expect(diffed.json.stages).toHaveLength(5);
    expect(diffed.json.candidate.notes).toBeUndefined();
  });

  test('import without token ids: diff takes the other ones', async () => {
    const out = path('untold.arrow');
    expect((await probe(['import', fixture('mine.npz'), out])).stdout).toContain('token ids: it has none');
    const { json } = await probeJson<Diffed>(['diff', out, reference]);
    expect(json).toMatchObject({ verdict: 'agree' });
    expect(json.candidate.notes).toEqual([`token ids: it has none; those of ${reference} were taken`]);
  });

  test('import over what it reads is refused, and a failure leaves nothing', async () => {
    const own = path('own.npz');
    cpSync(fixture('mine.npz'), own);
    const over = await probeJson<Diffed>(['import', own, own]);
    expect(over.json.error?.code).toBe('usage');
    expect(readFileSync(own)).toEqual(readFileSync(fixture('mine.npz')));
    const out = path('never.arrow');
    const failed = await probeJson<Diffed>(['import', own, out, '--tokens', '1,2']);
    expect(failed.json.error?.code).toBe('dump-shape');
    expect(failed.code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  test('a mapping file names what nobody knows', async () => {
    const map = path('map.json');
    const columns = { name: 'model.layers.{layer}.self_attn.v_proj', stage: 'first_half', columns: [0, 64] };
    writeFileSync(map, JSON.stringify({ tensors: [columns] }));
    const { json, code } = await probeJson<{ tensors: { stage: string; shape: number[] }[] }>([
      ...['inspect', fixture('mine.safetensors'), '--map', map],
    ]);
    expect(code).toBe(0);
    expect(json.tensors).toContainEqual(expect.objectContaining({ stage: 'first_half', shape: [7, 64] }));
  });

  test('the gate runs llama.cpp on the tokens that its configuration says', async () => {
    const folder = path('gate');
    mkdirSync(folder, { recursive: true });
    cpSync(fixture('mine.safetensors'), join(folder, 'mine.safetensors'));
    const model = fileURLToPath(new URL('../packages/probe/models/smalltalk-4M-F16.gguf', import.meta.url));
    const run = { name: 'mine', candidate: 'mine.safetensors', llama: 'exact', model };
    const gate = (runs: object[]) => {
      writeFileSync(join(folder, 'probe.config.json'), JSON.stringify({ baselines: false, runs }));
      return probeJson<{ verdict: string }>(['gate', '--config', join(folder, 'probe.config.json')]);
    };
    const without = await gate([run]);
    expect(JSON.stringify(without.json) + without.stderr).toContain('does not say which tokens were run');
    expect(without.code).toBe(2);
    const given = await gate([{ ...run, tokens: TOKENS.split(',').map(Number) }]);
    expect(JSON.stringify(given.json)).toContain('names: Hugging Face modules');
  });
});

test('the reference is what it was', async () => {
  const dump = await openDump(reference);
  expect(dump.notes).toEqual([]);
  await dump.close();
});
