import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DumpWriter, type Tensor, TensorStreamWriter } from '@llama-probe/dump';
import { collect } from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ProgramOptions } from '../src/index.js';
import { program } from '../src/sides/program.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-program-test-'));
const temporary = join(folder, 'tmp');
const file = (name: string): string => join(folder, name);
const options: ProgramOptions = { model: 'model.gguf', tokens: [1, 5], steps: 1 };

const tensors: Tensor[] = [
  {
    step: 0,
    order: 0,
    layer: null,
    stage: 'embd',
    positions: Int32Array.of(0, 1),
    width: 2,
    values: Float32Array.of(1, 2, 3, 4),
  },
  {
    step: 0,
    order: 1,
    layer: 0,
    stage: 'l_out',
    positions: Int32Array.of(0, 1),
    width: 2,
    values: Float32Array.of(5, 6, 7, 8),
  },
];

beforeAll(() => {
  mkdirSync(temporary);
  vi.stubEnv('TMPDIR', temporary);
  const metadata = { producer: { name: 'mine', version: '2' }, tokens: [1, 5] };
  const dump = new DumpWriter(file('dump.arrow'));
  for (const tensor of tensors) dump.write(tensor);
  dump.close(metadata);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Whether anything is left of what programs have written. */
const left = (): string[] => readdirSync(temporary);

describe('a program that leaves no run is told in one sentence that names it', () => {
  test.each([
    [
      'an exit code',
      'echo boom >&2; exit 3',
      'program-failed',
      '"echo boom >&2; exit 3" failed with exit code 3. It last said:\n  boom',
    ],
    [
      'a signal',
      'kill -SEGV $$',
      'program-failed',
      '"kill -SEGV $$" was killed by SIGSEGV. It said nothing on standard error.',
    ],
    ['no memory', 'kill -KILL $$', 'program-failed', 'was killed by SIGKILL; most likely the memory ran out'],
    [
      'no such command',
      './nowhere {model}',
      'program-failed',
      '"./nowhere {model}" was not found (exit code 127); give its path',
    ],
    [
      'not executable',
      './package.json',
      'program-failed',
      'cannot be executed (exit code 126); make it executable (chmod +x)',
    ],
    ['no command line', "echo 'x", 'program-failed', 'failed with exit code 2'],
    ['nothing written', 'true', 'program-output', '"true" ended and wrote nothing; wanted a dump at {out} (PROBE_OUT)'],
    [
      'text on standard output',
      'echo Loading; echo Done',
      'program-output',
      'is no Arrow stream; wanted a dump at {out} (PROBE_OUT), or an Arrow stream on standard output. It printed:\n  Loading\n  Done',
    ],
    [
      'several files',
      'touch {out}.a {out}.b',
      'program-output',
      'wrote out.a, out.b, and which of them is the dump is not known',
    ],
    [
      'no dump',
      'echo hello > {out}',
      'dump-not-arrow',
      '--engine: what "echo hello > {out}" wrote cannot be read: out: is in no format that is read',
    ],
    ['too many tokens', 'true', 'program-start', 'its tokens are more than the system hands to a program'],
  ])('%s', async (what, command, code, says) => {
    const tokens = what === 'too many tokens' ? Array.from({ length: 400_000 }, () => 15043) : options.tokens;
    const error = await program(command, { ...options, tokens }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
    expect((error as Error).message).not.toContain(temporary);
    expect(left()).toEqual([]);
  });

  test('only the end of what it said is shown, and a progress bar’s last state of each', async () => {
    const command = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do printf "line $i\\r" >&2; done; exit 1';
    const { message } = (await program(command, options).catch((cause: unknown) => cause)) as Error;
    expect(message.split('\n').slice(1)).toEqual(Array.from({ length: 12 }, (_, i) => `  line ${i + 3}`));
  });

  test('one that takes too long is ended, and what it has started', async () => {
    const pids = file('pids');
    const command = `echo $$ > ${pids}; (sleep 600; true) & echo $! >> ${pids}; sleep 600`;
    await expect(program(command, { ...options, timeout: 0.5 })).rejects.toMatchObject({
      code: 'program-timeout',
      message: expect.stringContaining(
        'had not ended after 0.5 s, and was stopped. Give it more time with --engine-timeout',
      ),
    });
    await gone(pids);
    expect(left()).toEqual([]);
  });

  test('one that was interrupted ends, and what it has started', async () => {
    const pids = file('interrupted');
    const controller = new AbortController();
    const running = program(`(sleep 600; true) & echo $! > ${pids}; echo $$ >> ${pids}; sleep 600`, {
      ...options,
      signal: controller.signal,
    });
    running.catch(() => {});
    await vi.waitFor(() => expect(readFileSync(pids, 'utf8').trim().split('\n')).toHaveLength(2), 20_000);
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await gone(pids);
    expect(left()).toEqual([]);
  });

  test('a mistake in the mapping file is told before it runs', async () => {
    writeFileSync(file('map.json'), '{"tensors": 1}');
    const ran = file('ran');
    await expect(program(`touch ${ran}`, { ...options, map: file('map.json') })).rejects.toMatchObject({
      code: 'dump-map',
    });
    expect(existsSync(ran)).toBe(false);
  });

  test('nowhere to write is told', async () => {
    vi.stubEnv('TMPDIR', file('nowhere'));
    try {
      await expect(program('true', options)).rejects.toMatchObject({
        code: 'program-start',
        message: expect.stringContaining('(ENOENT). Set TMPDIR'),
      });
    } finally {
      vi.stubEnv('TMPDIR', temporary);
    }
  });

  test('what it leaves in the background ends with it', async () => {
    const pids = file('background');
    await using _ = await program(`sleep 600 & echo $! > ${pids}; cp ${file('dump.arrow')} {out}`, options);
    await gone(pids);
  });
});

/** Waits until none of the processes runs whose numbers are in a file; one that nobody has fetched is gone. */
async function gone(pids: string): Promise<void> {
  const numbers = readFileSync(pids, 'utf8').trim().split('\n');
  const isRunning = (pid: string) => {
    try {
      return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return false;
    }
  };
  await vi.waitFor(() => expect(numbers.filter(isRunning)).toEqual([]), 20_000);
}

describe('a program that leaves a run is a side', () => {
  test('with what it was told in its environment', async () => {
    const seen = file('seen');
    const command = `env | grep ^PROBE_ | grep -v OUT | sort > ${seen}; cp ${file('dump.arrow')} "$PROBE_OUT"`;
    await using side = await program(command, { ...options, stages: ['embd', 'l_out'], layers: [0] });
    expect(readFileSync(seen, 'utf8').trim().split('\n')).toEqual([
      'PROBE_CHUNK=',
      'PROBE_LAYERS=0',
      `PROBE_MODEL=${join(process.cwd(), 'model.gguf')}`,
      'PROBE_STAGES=embd,l_out',
      'PROBE_STEPS=1',
      'PROBE_TOKENS=1,5',
    ]);
    expect(side.about.name).toBe('mine');
    expect(side.recorded).toMatchObject({ tokens: [1, 5], asked: [1, 5] });
  });

  test('whose files are gone when it is closed', async () => {
    const side = await program(`cp ${file('dump.arrow')} {out}`, options);
    expect(left()).toHaveLength(1);
    expect(await collect(side.run({ tokens: [] }).tensors)).toEqual(tensors);
    await side.close();
    expect(left()).toEqual([]);
  });

  test('of which only what was asked for is looked at', async () => {
    await using side = await program(`cp ${file('dump.arrow')} {out}`, options);
    const stages = async (plan: object) =>
      (await collect(side.run({ tokens: [], ...plan }).tensors)).map(({ stage }) => stage);
    expect(await stages({ stages: ['l_out'] })).toEqual(['l_out']);
    expect(await stages({ layers: [1] })).toEqual(['embd']);
    expect(await stages({ stages: 'vocabulary' })).toEqual(['embd', 'l_out']);
  });

  test('under a name with an ending, as NumPy adds one, and called by its command', async () => {
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }".padEnd(117);
    const npy = Buffer.concat([
      Buffer.from(`\x93NUMPY\x01\x00\x76\x00${header}\n`, 'latin1'),
      Buffer.from(Float32Array.of(1, 2, 3, 4).buffer),
    ]);
    writeFileSync(file('logits.npy'), npy);
    await using side = await program(`cp ${file('logits.npy')} {out}.npy`, options);
    expect(side.about).toMatchObject({
      name: `cp ${file('logits.npy')}`,
      adapter: `cp ${file('logits.npy')} {out}.npy`,
    });
    expect(JSON.stringify(side.about)).not.toContain(temporary);
    expect(side.recorded?.tokens).toEqual([1, 5]);
  });

  describe('as an Arrow stream on standard output', () => {
    const stream = (): Buffer => {
      const descriptor = openSync(file('written'), 'w');
      const writer = new TensorStreamWriter(descriptor);
      for (const tensor of tensors) writer.write(tensor);
      writer.close();
      closeSync(descriptor);
      return readFileSync(file('written'));
    };

    test('which is read', async () => {
      writeFileSync(file('stream'), stream());
      await using side = await program(`cat ${file('stream')}`, options);
      expect(await collect(side.run({ tokens: [] }).tensors)).toEqual(tensors);
    });

    test.each([
      ['cut off', (bytes: Buffer) => bytes.subarray(0, -20), 'was cut off or is still being written'],
      ['with a body that is to be longer than it is', longer, 'does not fit together'],
    ])('which is refused where it is %s', async (_, damage, says) => {
      writeFileSync(file('damaged'), damage(stream()));
      await expect(program(`cat ${file('damaged')}`, options)).rejects.toMatchObject({
        code: 'dump-damaged',
        message: expect.stringContaining(says),
      });
      expect(left()).toEqual([]);
    });
  });
});

/** The stream without its last batch's values: what its header says of them is no longer there. */
function longer(bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, -16), bytes.subarray(-8)]);
}
