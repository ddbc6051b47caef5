import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  f32,
  type Gguf,
  type GgufTensor,
  type GgufValue,
  int32,
  int64,
  isLong,
  parseGguf,
  text,
  u32,
  writeGguf,
} from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUNDLED, firstBlocks } from './support/models.js';
import { type Ended, ownCache, path, probe, start, probeJson as startJson, TEMPORARY } from './support/probe.js';
import { childrenOf, isRunning, until } from './support/processes.js';
import { probeJson } from './support/session.js';

const CACHE = ownCache();

/** Absurd counts must fail before memory is taken for them. */
const LITTLE_MEMORY = { env: { NODE_OPTIONS: '--max-old-space-size=256' } };

type Failed = Ended & { json: { verdict: string; reason: string; error: { code: string } } };

/** Exit 2, and one message that says everything: on stderr, and as JSON. */
function expectFailure(
  { code, signal, stderr, json }: Failed,
  errorCode: string | RegExp,
  ...says: (string | RegExp)[]
): void {
  expect(json).toEqual({
    schema: 1,
    kind: 'failure',
    verdict: 'incomparable',
    reason: expect.any(String),
    error: { code: expect.stringMatching(errorCode) },
    // what a reader of reports looks at is there, and empty
    model: null,
    reference: null,
    candidate: null,
    tokens: [],
    first: null,
    stages: [],
    logits: null,
    timings: {},
  });
  expectMessage(stderr, ...says);
  expect(stderr).toContain(`probe: ${json.reason}\n`);
  expect({ code, signal }).toEqual({ code: 2, signal: null });
}

/** One message: nothing before it but progress, no trace after it. */
function expectMessage(stderr: string, ...says: (string | RegExp)[]): void {
  expect(stderr.match(/^probe: /gm), stderr).toHaveLength(1);
  expect(stderr).not.toMatch(/^ +at .+:\d+/m);
  expect(stderr).not.toContain('This is a bug');
  for (const part of says) {
    if (typeof part === 'string') expect(stderr).toContain(part);
    else expect(stderr).toMatch(part);
  }
}

const fails = async (args: readonly string[], options?: Parameters<typeof probeJson>[1]): Promise<Failed> =>
  (await probeJson(args, options)) as unknown as Failed;

/** The same in a process of its own. */
const failsAlone = async (args: readonly string[], options?: Parameters<typeof startJson>[1]): Promise<Failed> =>
  (await startJson(args, options)) as unknown as Failed;

/** Everything below a folder that is not whole: named by its maker as temporary, or an empty model. */
function halfWritten(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    if (name.startsWith('swiftshader-')) return false; // its libraries, whose names end in a number too
    const unfinished = /\.partial$|\.tmp$|\.\d+$|stderr-/.test(name);
    const found = statSync(join(folder, name));
    return unfinished || (found.isFile() && found.size === 0); // a terminal of another test file is a socket
  });
}

afterAll(() => {
  expect(halfWritten(CACHE)).toEqual([]);
  expect(halfWritten(TEMPORARY)).toEqual([]);
});

const original = readFileSync(BUNDLED);
const whole = parseGguf(original);
const vocabulary = whole.tensors.find(({ name }) => name === 'token_embd.weight')?.shape[1] as bigint;
const context = (whole.metadata['llama.context_length'] as GgufValue & { type: 'raw' }).bytes.readUInt32LE();

/** The bundled model with one thing changed. */
function changed(change: (model: Gguf) => void): Buffer {
  const model = parseGguf(original);
  change(model);
  return writeGguf(model).bytes;
}
const tensor = (model: Gguf, name: string) => model.tensors.find((one) => one.name === name) as GgufTensor;
const without = (key: string) =>
  changed((model) => {
    delete model.metadata[key];
  });
const set = (key: string, value: GgufValue) =>
  changed((model) => {
    model.metadata[key] = value;
  });

/** The bundled model with other bytes at a place. */
function patched(offset: number, bytes: Buffer): Buffer {
  const copy = Buffer.from(original);
  bytes.copy(copy, offset);
  return copy;
}
const F32 = 0;
const be32 = (value: number) => int32(value).reverse();
const firstString = 24; // behind magic, version and two counts comes the first key
const arrayLength = original.indexOf('tokenizer.ggml.tokens') + 'tokenizer.ggml.tokens'.length + 8;
const firstTensor = whole.table + 8 + (whole.tensors[0]?.name.length ?? 0);

/** More than the file can hold, or than any file has. */
const ABSURD = /^model-(truncated|damaged)$/;

/** What is wrong with the file, its bytes, the error's code, and what the message must say. */
const FILES: readonly [string, () => Buffer, string | RegExp, ...(string | RegExp)[]][] = [
  ['empty', () => Buffer.alloc(0), 'model-truncated', 'is empty'],
  ['not GGUF', () => Buffer.from('PK\x03\x04 and so on '.repeat(9)), 'model-not-gguf', 'is not GGUF', '"PK', '"GGUF"'],
  ['two bytes', () => Buffer.from('GG'), 'model-not-gguf', 'is not GGUF', '"GG"'],
  [
    'a Git LFS pointer',
    () => Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 7320000\n`),
    'model-not-gguf',
    'Git LFS pointer',
    'git lfs pull',
  ],
  ['cut off in the header', () => original.subarray(0, 15), 'model-truncated', '24 bytes', 'has 15'],
  ['cut off in the metadata', () => original.subarray(0, whole.table - 900), 'model-truncated', `${whole.table - 900}`],
  ['cut off in a key', () => original.subarray(0, 40), 'model-truncated', 'cut off'],
  ['cut off in the tensor table', () => original.subarray(0, whole.table + 300), 'model-truncated', 'tensor table'],
  ['cut off before the data', () => original.subarray(0, whole.body), 'model-truncated', /needs the bytes \d+ to \d+/],
  [
    'cut off in the data',
    () => original.subarray(0, original.length - 1000),
    'model-truncated',
    `${original.length - 1000}`,
  ],
  ['version 1', () => patched(4, int32(1)), 'model-version', 'version 1', 'versions 2 and 3'],
  ['version 4000', () => patched(4, int32(4000)), 'model-version', 'version 4000'],
  ['big-endian', () => patched(4, be32(3)), 'model-endianness', 'big-endian', 'version 3'],
  ['2⁶⁰ tensors', () => patched(8, int64(1n << 60n)), ABSURD],
  ['2³¹ tensors', () => patched(8, int64(1n << 31n)), ABSURD],
  ['2⁶⁰ metadata entries', () => patched(16, int64(1n << 60n)), ABSURD],
  ['no tensors', () => changed((model) => Object.assign(model, { tensors: [] })), 'model-damaged', 'no tensors'],
  ['a key of 2⁶² bytes', () => patched(firstString, int64(1n << 62n)), ABSURD],
  ['a key of 2³² bytes', () => patched(firstString, int64(1n << 32n)), ABSURD],
  ['an array of 2⁶⁰ strings', () => patched(arrayLength, int64(1n << 60n)), ABSURD],
  ['an array of 2³² strings', () => patched(arrayLength, int64(1n << 32n)), ABSURD],
  ['a tensor of 2³⁰ dimensions', () => patched(firstTensor, int32(1 << 30)), ABSURD],
  [
    'a value type that does not exist',
    () => set('general.name', { type: 'raw', of: 77, bytes: int32(0) }),
    'model-damaged',
    '77',
  ],
  [
    'a tensor that begins past the end',
    () => changed((model) => Object.assign(tensor(model, 'output_norm.weight'), { offset: 1n << 40n })),
    'model-truncated',
    'output_norm.weight',
  ],
  [
    'tensors that overlap',
    () => changed((model) => Object.assign(tensor(model, 'output_norm.weight'), { offset: 64n })),
    'model-damaged',
    'output_norm.weight',
    'overlap',
  ],
  [
    'a tensor off the alignment',
    () => changed((model) => Object.assign(tensor(model, 'output_norm.weight'), { offset: 1n })),
    'model-damaged',
    'output_norm.weight',
    'alignment 32',
  ],
  [
    'a shape of 2⁴⁰ × 2⁴⁰',
    () => changed((model) => Object.assign(tensor(model, 'blk.0.attn_q.weight'), { shape: [1n << 40n, 1n << 40n] })),
    'model-damaged',
    'blk.0.attn_q.weight',
    '1099511627776',
  ],
  [
    'a shape that the metadata contradicts',
    () => changed((model) => Object.assign(tensor(model, 'blk.0.attn_q.weight'), { shape: [128n, 512n] })),
    'model-tensor',
    'blk.0.attn_q.weight',
    '[128, 512]',
  ],
  [
    'the same tensor twice',
    () => changed((model) => Object.assign(tensor(model, 'blk.1.attn_q.weight'), { name: 'blk.0.attn_q.weight' })),
    'model-damaged',
    'blk.0.attn_q.weight',
  ],
  [
    'a missing tensor',
    () =>
      changed((model) => {
        model.tensors = model.tensors.filter(({ name }) => name !== 'blk.2.ffn_up.weight');
      }),
    'model-tensor',
    'blk.2.ffn_up.weight',
    'missing',
  ],
  [
    'a tensor that Llama does not have',
    () =>
      changed((model) => Object.assign(tensor(model, 'blk.1.ffn_up.weight'), { name: 'blk.1.ffn_sub_norm.weight' })),
    'model-tensor',
    /blk\.1\.ffn_(up|sub_norm)\.weight/,
  ],
  [
    'a tensor type that does not exist',
    () => changed((model) => Object.assign(tensor(model, 'blk.0.attn_q.weight'), { type: 199 })),
    'model-tensor-type',
    'blk.0.attn_q.weight',
    '199',
  ],
  ['no architecture', () => without('general.architecture'), 'model-architecture', 'general.architecture', 'missing'],
  // llama.cpp runs what the engine does not compute
  [
    'another architecture, without what it has to say',
    () => set('general.architecture', text('qwen2moe')),
    'model-unloadable',
    'llama.cpp cannot load this model',
    'qwen2moe.',
  ],
  [
    'an architecture that nobody knows',
    () => set('general.architecture', text('lama')),
    'model-unloadable',
    'unknown model architecture',
    "'lama'",
  ],
  ['no block count', () => without('llama.block_count'), 'model-metadata', 'llama.block_count', 'missing', 'positive'],
  ['no epsilon', () => without('llama.attention.layer_norm_rms_epsilon'), 'model-metadata', 'layer_norm_rms_epsilon'],
  [
    'a block count in words',
    () => set('llama.block_count', text('four')),
    'model-metadata',
    'llama.block_count is "four"',
    'positive integer',
  ],
  [
    'more blocks than the file has',
    () => set('llama.block_count', u32(2_000_000_000)),
    'model-tensor',
    /blk\.\d+\.attn_norm\.weight is missing/,
  ],
  [
    'half a head',
    () => set('llama.attention.head_count', f32(2.5)),
    'model-metadata',
    'llama.attention.head_count is 2.5',
  ],
  ['no heads', () => set('llama.attention.head_count', u32(0)), 'model-metadata', 'head_count is 0'],
  [
    'heads that KV heads do not divide',
    () => set('llama.attention.head_count_kv', u32(3)),
    'model-metadata',
    /head_count_kv.* 3/,
  ],
  [
    'a mixture of experts of which it does not say how many are used',
    () =>
      changed((model) => {
        model.metadata['llama.expert_count'] = u32(8);
      }),
    'model-metadata',
    'llama.expert_used_count is missing',
    'Convert the model again',
  ],
];

describe('a model file that is', () => {
  test.each(FILES)('%s', async (_, bytes, code, ...says) => {
    const model = path('model.gguf');
    writeFileSync(model, bytes());
    const failed = await fails(['compare', '--model', model], LITTLE_MEMORY);
    expectFailure(failed, code, model, ...says);
  });

  test('not there, or a directory', async () => {
    expectFailure(
      await failsAlone(['compare', '--model', '/no/such/model.gguf']),
      'model-not-found',
      'no such file',
      '--model',
    );
    const folder = path('folder.gguf');
    mkdirSync(folder);
    expectFailure(await fails(['compare', '--model', folder]), 'model-not-found', folder, 'is a directory');
  });

  test('of a type that the engine cannot read', async () => {
    const model = parseGguf(original);
    tensor(model, 'blk.0.attn_q.weight').type = 25;
    const file = path('integers.gguf');
    writeFileSync(file, writeGguf(model).bytes);
    const failed = await fails(['compare', '--model', file]);
    expectFailure(failed, 'model-tensor-type', 'blk.0.attn_q.weight', 'I16', 'Q4_K', 'Convert the model again');
  });

  test('the same without --json: nothing on stdout', async () => {
    const { code, stdout, stderr } = await probe(['compare', '--model', '/no/such/model.gguf']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expectMessage(stderr, 'no such file');
  });

  test('damaged, when it is captured', async () => {
    const model = path('model.gguf');
    const out = path('side.arrow');
    writeFileSync(model, original.subarray(0, original.length - 1000));
    for (const from of ['llama', 'webgpu']) {
      expectFailure(await fails(['capture', '--from', from, '--model', model, '--out', out]), 'model-truncated', model);
    }
    expect(existsSync(out)).toBe(false);
  });
});

describe('a prompt', () => {
  const last = Number(vocabulary) - 1;
  test.each<[string, string[], string, ...(string | RegExp)[]]>([
    ['with a token out of range', ['--tokens', `1,${last + 1}`], 'token-out-of-range', `${last + 1}`, `0 to ${last}`],
    ['of tokens that are no numbers', ['--tokens', '1,two'], 'usage', '"two"', '1,15043'],
    ['of negative tokens', ['--tokens', '1,-2'], 'usage', '"-2"'],
    ['of no tokens', ['--tokens', ''], 'tokens-empty', 'no tokens', '--tokens'],
    ['of no text', ['--prompt', ''], 'usage', '--prompt', 'empty'],
    ['longer than the context', ['--tokens', `1${',2'.repeat(context)}`], 'context-exceeded', `${context}`, '--steps'],
    ['with steps past the context', ['--steps', `${context}`], 'context-exceeded', `${context} steps`],
    ['given twice', ['--prompt', 'Hello', '--tokens', '1'], 'usage', '--prompt and --tokens', 'one of them'],
    ['of ids, as chat', ['--chat', '--tokens', '1'], 'usage', '--chat', '--tokens'],
    ['in a file that is not there', ['--prompt-file', '/no/such.txt'], 'usage', '/no/such.txt', 'ENOENT'],
    ['in a directory', ['--prompt-file', '/'], 'usage', '--prompt-file', 'EISDIR'],
    ['in an empty file', ['--prompt-file', '/dev/null'], 'usage', '--prompt-file', 'empty'],
  ])('%s', async (_, args, code, ...says) => {
    expectFailure(await fails(['compare', ...args]), code, ...says);
  });
});

describe('the command line', () => {
  test.each<[string, string[], ...(string | RegExp)[]]>([
    ['an unknown stage', ['compare', '--stages', 'embd,q_roppe'], '"q_roppe"', 'did you mean q_rope?'],
    ['no stage', ['compare', '--stages', ''], '--stages'],
    ['an unknown layer', ['compare', '--layers', '0,99'], '--layers', '99', '0 to '],
    ['layers that are no numbers', ['compare', '--layers', 'first'], '"first"', '0,2-4'],
    ['layers backwards', ['compare', '--layers', '3-1'], '3-1'],
    ['an unknown option', ['compare', '--promt', 'Hello'], "'--promt'", '--prompt'],
    ['an unknown command', ['compair'], "'compair'", 'compare'],
    ['steps that are no number', ['compare', '--steps', 'many'], "'many'", 'whole number'],
    ['an unknown reference', ['compare', '--reference', 'best'], 'exact', 'native'],
    ['an unknown adapter', ['compare', '--adapter', 'voodoo'], 'swiftshader'],
    ['a capture of nobody', ['capture', '--out', '/tmp/x.arrow'], '--from'],
    ['too many dumps', ['diff', 'a', 'b', 'c'], 'diff'],
  ])('%s', async (_, args, ...says) => {
    expectFailure(await fails(args), 'usage', ...says);
  });

  test('an unknown type', async () => {
    expectFailure(await failsAlone(['compare', '--quantize', 'Q9']), 'quantize-type', '"Q9"', 'Q4_K');
  });

  test('nothing at all: help, and exit 2', async () => {
    const { code, stdout, stderr } = await probe([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: probe');
  });
});

describe('an adapter', () => {
  test('that is not there at all', async () => {
    const failed = await failsAlone(['compare'], { env: { LLAMA_PROBE_ADAPTERS: '' } });
    expectFailure(failed, 'no-adapter', 'No WebGPU adapter was found', 'LLAMA_PROBE_ADAPTERS');
  });

  test('that is not there, of the kind asked for: what was tried, and what to install', async () => {
    const env = {
      VK_DRIVER_FILES: '/nowhere.json',
      VK_ICD_FILENAMES: '/nowhere.json',
      LLAMA_PROBE_ADAPTERS: undefined,
    };
    const failed = await failsAlone(['compare', '--adapter', 'lavapipe'], { env });
    expectFailure(failed, 'no-adapter', 'No lavapipe adapter was found', 'Vulkan', 'remedy:', 'mesa-vulkan-drivers');
  });

  test('that is not there, says doctor', async () => {
    const { code, stdout } = await probe(['doctor'], { env: { LLAMA_PROBE_ADAPTERS: '' } });
    expect(code).toBe(2);
    expect(stdout).toMatch(/nothing can compute/);
  });
});

describe('--out', () => {
  const few = ['--steps', '0', '--stages', 'embd'];

  test('below a file', async () => {
    const file = path('file');
    writeFileSync(file, 'mine');
    for (const args of [
      ['compare', '--out', join(file, 'dumps')],
      ['capture', '--from', 'webgpu', '--out', join(file, 'dump.arrow')],
      ['capture', '--from', 'llama', '--out', join(file, 'dump.arrow')],
    ]) {
      expectFailure(await fails([...args, ...few]), 'dump-unwritable', file, /ENOTDIR|EEXIST/, '--out');
    }
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('a directory where the dump should be', async () => {
    const out = path('taken');
    mkdirSync(join(out, 'candidate.arrow'), { recursive: true });
    expectFailure(await fails(['compare', '--out', out, ...few]), 'dump-unwritable', 'candidate.arrow');
    expect(readdirSync(out).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  // Root may write everywhere but where nobody may; only root can make such places.
  const [small, readOnly] = [path('small-disk'), path('read-only')];
  const mounted: string[] = [];
  beforeAll(() => {
    for (const [folder, options] of [
      [small, 'size=256k'],
      [readOnly, 'ro'],
    ] as const) {
      mkdirSync(folder);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
        mounted.push(folder);
      } catch {
        // not as this user, or not in this container
      }
    }
  });
  afterAll(() => {
    for (const folder of mounted) execFileSync('umount', [folder]);
  });
  const WHY = 'only root can mount a small file system, and not in every container';

  test('in a directory that may not be written', async () => {
    if (!mounted.includes(readOnly)) chmodSync(readOnly, 0o555);
    const failed = await fails(['compare', '--out', join(readOnly, 'dumps'), ...few]);
    expectFailure(failed, 'dump-unwritable', readOnly, /EROFS|EACCES/, '--out');
    expect(readdirSync(readOnly)).toEqual([]);
  });

  test('where directories cannot be made', async () => {
    expectFailure(await fails(['compare', '--out', '/proc/dumps', ...few]), 'dump-unwritable', '/proc/dumps', '--out');
  });

  test('on a disk that is full', async ({ skip }) => {
    skip(!mounted.includes(small), WHY);
    const args = ['--steps', '4', '--prompt', 'Hello, my friend! How are you today?'];
    expectFailure(await fails(['compare', '--out', small, ...args]), 'dump-full', small, 'ENOSPC', '--out');
    expect(readdirSync(small)).toEqual([]);
    for (const from of ['llama', 'webgpu']) {
      const out = join(small, `${from}.arrow`);
      expectFailure(await fails(['capture', '--from', from, '--out', out, ...args]), 'dump-full', out, 'ENOSPC');
      expect(readdirSync(small)).toEqual([]);
    }
  });

  test('a cache on a disk that is full', async ({ skip }) => {
    skip(!mounted.includes(small), WHY);
    const failed = await fails(['compare', '--quantize', 'Q8_0', ...few], { env: { LLAMA_PROBE_CACHE: small } });
    expectFailure(failed, 'cache-full', small, 'LLAMA_PROBE_CACHE');
    expect(halfWritten(small)).toEqual([]);
  });

  const quick = ['compare', '--model', firstBlocks(1), '--reference', 'native', '--no-floors', ...few];

  test('standard output on a disk that is full', async () => {
    const full = openSync('/dev/full', 'w');
    const { code, stderr } = await probe(quick, { stdout: full });
    closeSync(full);
    expect(code).toBe(2);
    expectMessage(stderr, 'standard output', 'ENOSPC');
  });

  test('standard output into a reader that has had enough: the verdict stands', async () => {
    const { child, ended } = start(quick);
    child.stdout?.destroy();
    const { code, stderr } = await ended;
    expect(stderr).not.toMatch(/EPIPE|^ +at /m);
    expect(code).toBe(0);
  });
});

test.skipIf(process.platform === 'win32')('a process that may not open files ends as one that could not tell', () => {
  const command = fileURLToPath(new URL('../packages/probe/bin/probe.js', import.meta.url));
  for (const files of [21, 26]) {
    const limited = `ulimit -n ${files}; exec "$0" "$@"`;
    const { status, stderr } = spawnSync('bash', ['-c', limited, process.execPath, command, 'compare'], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(2);
    expectMessage(stderr, /EMFILE|could not start|too many open files/);
  }
});

describe('Ctrl-C', () => {
  const LONG = ['--prompt', 'Hello', '--steps', '400'];
  const partials = (folder: string) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.partial')) : [];

  for (const [whom, detached] of [
    ['the command alone', false],
    ['the process group, as a terminal does', true],
  ] as const) {
    // One who is interrupted alone: below, with one side.
    test.runIf(isLong || detached)(`in the middle of a comparison, to ${whom}`, async () => {
      const out = path('dumps');
      const { child, ended } = start(['compare', ...LONG, '--out', out], { detached });
      const pid = child.pid as number;
      await until('both dumps to grow', () => {
        const sizes = partials(out).map((name) => statSync(join(out, name)).size);
        return sizes.length === 2 && Math.min(...sizes) > 0;
      });
      const children = childrenOf(pid);
      expect([1, 2]).toContain(children.length); // llama.cpp, and its other build while the floor is measured
      process.kill(detached ? -pid : pid, 'SIGINT');
      const { code, signal, stdout, stderr } = await ended;
      expectMessage(stderr, /[Ii]nterrupted \(SIGINT\)/);
      expect({ code, signal, stdout }).toEqual({ code: 2, signal: null, stdout: '' });
      expect(readdirSync(out)).toEqual([]);
      expect(children.filter(isRunning)).toEqual([]); // at once: its watchdog is there for harder ends
    });
  }

  test('while one side is captured, SIGTERM, and a terminal that is closed', async () => {
    for (const [from, name] of [
      ['llama', 'SIGINT'],
      ['webgpu', 'SIGTERM'],
      ['llama', 'SIGHUP'],
    ] as const) {
      const out = path('captured');
      const { child, ended } = start(['capture', '--from', from, ...LONG, '--out', join(out, 'side.arrow'), '--json']);
      const pid = child.pid as number;
      await until('the dump to be begun', () => partials(out).length === 1);
      const children = childrenOf(pid);
      process.kill(pid, name);
      const { code, stdout, stderr } = await ended;
      expectMessage(stderr, `(${name})`);
      expect(code).toBe(2);
      expect(JSON.parse(stdout)).toMatchObject({ verdict: 'incomparable', error: { code: 'interrupted' } });
      expect(readdirSync(out)).toEqual([]);
      expect(children.filter(isRunning)).toEqual([]);
    }
  });

  test('while a quantisation is made', async () => {
    const cache = path('cache');
    const { child, ended } = start(['compare', '--model', wideModel(), '--quantize', 'Q6_K'], {
      env: { LLAMA_PROBE_CACHE: cache },
    });
    const models = join(cache, 'models');
    await until('the quantisation to be begun', () => partials(models).length === 1);
    const children = childrenOf(child.pid as number);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expectMessage(stderr, 'Interrupted (SIGINT)');
    expect(code).toBe(2);
    expect(readdirSync(models)).toEqual([]);
    expect(halfWritten(cache)).toEqual([]);
    expect(children.filter(isRunning)).toEqual([]); // at once: its watchdog is there for harder ends
  });
});

/** The bundled model's shape with one layer, so wide that quantising it takes a while. All zeros, and sparse. */
function wideModel(): string {
  const model = parseGguf(original);
  const embedding = tensor(model, 'output_norm.weight').shape[0] as bigint;
  const wide = 1n << 17n;
  model.metadata['llama.block_count'] = u32(1);
  model.metadata['llama.feed_forward_length'] = u32(Number(wide));
  model.tensors = model.tensors.filter(({ name }) => !/^blk\.[1-9]/.test(name));
  tensor(model, 'blk.0.ffn_gate.weight').shape = [embedding, wide];
  tensor(model, 'blk.0.ffn_up.weight').shape = [embedding, wide];
  tensor(model, 'blk.0.ffn_down.weight').shape = [wide, embedding];
  let bytes = 0n;
  for (const one of model.tensors) {
    one.offset = bytes;
    bytes += one.shape.reduce<bigint>((product, n) => product * BigInt(n), one.type === F32 ? 4n : 2n); // a multiple of the alignment
  }
  model.data = Buffer.alloc(0);
  const head = writeGguf(model).bytes;
  const file = path('wide.gguf');
  writeFileSync(file, head);
  truncateSync(file, head.length + Number(bytes));
  return file;
}
