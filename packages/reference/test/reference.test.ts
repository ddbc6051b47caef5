import { spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { inShort } from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { libraryDirectory } from '../src/library/locate.js';
import { inspectModel, openReference, type Reference } from '../src/reference.js';
import { writeTinyModel } from './support/tiny-model.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-reference-'));
const model = join(directory, 'tiny.gguf');
let reference: Reference;

beforeAll(async () => {
  writeTinyModel(model, {
    chatTemplate: '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}',
  });
  reference = await openReference({ model, mode: 'native' });
});
afterAll(async () => {
  await reference.close();
  rmSync(directory, { recursive: true });
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 600 && isAlive(pid); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  return !isAlive(pid);
}

describe('the model', () => {
  test('is described', () => {
    expect(reference.info).toMatchObject({
      name: 'llama.cpp',
      version: 'v0.5.0',
      mode: 'native',
      threads: 1,
      model: {
        file: 'tiny.gguf',
        architecture: 'llama',
        quantization: 'F32',
        layers: 2,
        embeddingLength: 64,
        headCount: 4,
        headCountKv: 2,
        vocabularySize: 280,
        trainedContext: 512,
      },
    });
    expect(reference.info.model.bytes).toBe(reference.info.model.parameters * 4);
  });

  test('is described without being loaded', async () => {
    expect(await inspectModel({ model })).toEqual(reference.info.model);
  });

  test('that is not there, or no GGUF, is refused before anything starts', async () => {
    await expect(openReference({ model: join(directory, 'none.gguf'), mode: 'native' })).rejects.toMatchObject({
      code: 'model-not-found',
      message: expect.stringMatching(/none\.gguf.*ENOENT/),
    });
    const wrong = join(directory, 'wrong.gguf');
    writeFileSync(wrong, 'PK\u0003\u0004 not a model');
    await expect(openReference({ model: wrong, mode: 'native' })).rejects.toMatchObject({ code: 'model-not-gguf' });
  });

  test('that was cut off is refused with what llama.cpp says', async () => {
    const cut = join(directory, 'cut.gguf');
    copyFileSync(model, cut);
    truncateSync(cut, 100_000);
    await expect(openReference({ model: cut, mode: 'native' })).rejects.toMatchObject({
      code: 'model-unloadable',
      message: expect.stringMatching(/cut\.gguf: llama\.cpp cannot.*says:\n.*not within the file bounds/s),
    });
  });
});

describe('text', () => {
  test('becomes tokens with and without special ones', async () => {
    const plain = await reference.tokenize('hello world', { addSpecial: false });
    expect(await reference.tokenize('hello world')).toEqual([1, ...plain]);
    expect(await reference.detokenize(plain)).toBe('hello world');
  });

  test('special tokens are read out of the text, or not', async () => {
    expect(await reference.tokenize('</s>', { addSpecial: false })).toEqual([2]);
    expect((await reference.tokenize('</s>', { addSpecial: false, parseSpecial: false })).length).toBeGreaterThan(3);
  });

  test.each(['', ' ', 'Grüße, 世界 🙂', 'a\nb\tc', 'a\u0000b', '  two  spaces ', 'x'.repeat(5000)])(
    '%j survives',
    async (text) => {
      const ids = await reference.tokenize(text, { addSpecial: false });
      expect(await reference.detokenize(ids)).toBe(text);
    },
  );

  test('special tokens are spelt out, or not', async () => {
    const ids = await reference.tokenize('hello');
    expect(await reference.detokenize(ids)).toMatch(/^<s> ?hello$/);
    expect(await reference.detokenize(ids, { special: false })).not.toContain('<s>');
  });

  test('goes through the chat template', async () => {
    expect(await reference.chat('Wie geht’s?')).toBe(
      '<|im_start|>user\nWie geht’s?<|im_end|>\n<|im_start|>assistant\n',
    );
    const long = 'x'.repeat(20_000);
    expect(await reference.chat(long)).toContain(`user\n${long}<|im_end|>`);
  });

  test('a model without a chat template, or with one that llama.cpp does not know, is told', async () => {
    for (const [chatTemplate, code] of [
      ['', 'chat-template-missing'],
      ['{{ messages }}', 'chat-template-unsupported'],
    ] as const) {
      const other = await openReference({
        model: writeTinyModel(join(directory, 'chat.gguf'), { chatTemplate }),
        mode: 'native',
      });
      await expect(other.chat('hello')).rejects.toMatchObject({ code });
      await other.close();
    }
  });

  test('a model without a vocabulary is told, and still runs', async () => {
    const other = await openReference({
      model: writeTinyModel(join(directory, 'mute.gguf'), { vocabulary: false }),
      mode: 'native',
    });
    await expect(other.tokenize('hello')).rejects.toMatchObject({ code: 'model-no-vocabulary' });
    expect((await other.run({ tokens: [1, 2, 3], stages: [] }).result).generated).toHaveLength(1);
    await other.close();
  });
});

describe('a crash of llama.cpp', () => {
  test('is an error with what it last said, and no stack trace of C++', async () => {
    const broken = await openReference({
      model: writeTinyModel(join(directory, 'broken.gguf'), { byteTokens: false }),
      mode: 'native',
    });
    const error: Error = await broken.tokenize('hello\nworld').then(
      () => Promise.reject(new Error('did not crash')),
      (reason) => reason,
    );
    expect(error).toMatchObject({ name: 'CrashError', code: 'llama-crashed' });
    expect(error.message).toMatch(/crashed while it was tokenising the prompt \(SIGABRT\)/);
    expect(error.message).toMatch(/std::out_of_range/);
    expect(error.message).not.toMatch(/0x[0-9a-f]{8}|\.so\(/);
    await expect(broken.tokenize('a')).rejects.toMatchObject({ code: 'llama-crashed' });
    await broken.close();
  });

  test('while tensors are read ends them with the error', async () => {
    const other = await openReference({ model, mode: 'native' });
    const run = other.run({ tokens: Array.from({ length: 100 }, () => 5), steps: 100, stages: 'all' });
    const reading = (async () => {
      for await (const tensor of run.tensors) {
        if (tensor.order === 20) process.kill(other.pid as number, 'SIGKILL');
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'llama-killed', message: expect.stringMatching(/memory/) });
    await expect(run.result).rejects.toMatchObject({ code: 'llama-killed' });
    await other.close();
  });
});

describe('no process stays', () => {
  test('after close', async () => {
    const other = await openReference({ model, mode: 'native' });
    await other.close();
    expect(isAlive(other.pid as number)).toBe(false);
    await expect(other.tokenize('a')).rejects.toMatchObject({ code: 'llama-closed' });
    await other.close();
  });

  test('when the signal fires before, while opening, and during a run', async () => {
    await expect(openReference({ model, mode: 'native', signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);

    // The process has been started, and has had no time to answer.
    const opening = new AbortController();
    const opened = openReference({ model, mode: 'native', signal: opening.signal });
    opening.abort();
    await expect(opened).rejects.toMatchObject({ name: 'AbortError' });

    const running = new AbortController();
    const other = await openReference({ model, mode: 'native', signal: running.signal });
    const reading = (async () => {
      for await (const tensor of other.run({ tokens: [1, 5, 6], steps: 400 }).tensors) {
        if (tensor.order === 30) running.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    expect(await gone(other.pid as number)).toBe(true);
    await other.close();
  });

  // what the parent is doing when it dies, as a line of its program; `ready` says that it does
  const situations: [string, string][] = [
    ['idle', 'ready(); setInterval(() => {}, 1000);'],
    ['reading a run', 'for await (const _ of reference.run({ tokens: [1, 5, 6], steps: 400 }).tensors) ready();'],
    ['not reading a run', 'reference.run({ tokens: [1, 5, 6], steps: 400 }); ready(); setInterval(() => {}, 1000);'],
    [
      'computing for long',
      'const { result } = reference.run({ tokens: Array(400).fill(5), steps: 100, ubatch: 1, stages: [] }); ready(); await result;',
    ],
  ];
  for (const [what, line] of inShort(situations, 2)) {
    test(`when the parent is killed while it is ${what}`, async () => {
      const program = `
        import { openReference } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
        const reference = await openReference({ model: ${JSON.stringify(model)}, mode: 'native' });
        const ready = () => console.log(reference.pid);
        ${line}`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const pid = Number.parseInt(
        await new Promise<string>((resolve) => parent.stdout.once('data', (data) => resolve(String(data)))),
        10,
      );
      expect(isAlive(pid)).toBe(true);
      parent.kill('SIGKILL');
      expect(await gone(pid)).toBe(true);
    });
  }

  test('a program that closes its reference comes to its end', async () => {
    const program = `
      import { openReference } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
      const reference = await openReference({ model: ${JSON.stringify(model)}, mode: 'native' });
      console.log(reference.pid, await reference.tokenize('hello'));
      await reference.close();
      console.log('closed');`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      let output = '';
      parent.stdout.on('data', (data) => {
        output += data;
      });
      expect(await new Promise((resolve) => parent.once('close', resolve))).toBe(0);
      expect(output).toContain('closed');
      expect(await gone(Number.parseInt(output, 10))).toBe(true);
    } finally {
      parent.kill('SIGKILL'); // also where the test fails
    }
  });
});

describe('the libraries', () => {
  const fake = (name: string, files: Record<string, string>) => {
    const at = join(directory, name);
    mkdirSync(at);
    for (const file of readdirSync(libraryDirectory())) {
      const renamed = files[file] ?? file;
      if (renamed) symlinkSync(join(libraryDirectory(), file), join(at, renamed));
    }
    return at;
  };
  const real = () => readdirSync(libraryDirectory()).find((file) => /llama\.v0\.5\.0/.test(file)) as string;

  test('of another release are refused before they are used', async () => {
    const libraries = fake('newer', { [real()]: basename(real()).replace('v0.5.0', 'v0.6.1') });
    await expect(openReference({ model, mode: 'native', libraries })).rejects.toMatchObject({
      name: 'UnsupportedLibraryError',
      code: 'library-version',
      message: expect.stringMatching(
        /llama\.cpp v0\.6\.1 .*only v0\.5\.0.*Give the folder of a build of llama\.cpp v0\.5\.0/s,
      ),
    });
  });

  test('built from another release are refused by what their build says', async () => {
    const libraries = fake('rebuilt', { '_nlcBuildMetadata.json': '' });
    writeFileSync(
      join(libraries, '_nlcBuildMetadata.json'),
      JSON.stringify({ buildOptions: { llamaCpp: { release: 'b9999' } } }),
    );
    await expect(openReference({ model, mode: 'native', libraries })).rejects.toMatchObject({
      code: 'library-version',
    });
  });

  test('that are missing are told', async () => {
    const libraries = fake('partly', { [real()]: '' });
    await expect(openReference({ model, mode: 'native', libraries })).rejects.toMatchObject({
      code: 'library-not-found',
      message: expect.stringMatching(/found .*ggml-base.*wanted llama/),
    });
    await expect(inspectModel({ model, libraries: join(directory, 'nowhere') })).rejects.toMatchObject({
      code: 'library-not-found',
    });
  });

  test('one CPU build can be chosen', async () => {
    const variant = reference.info.cpuVariants.at(-1) as string; // not the one that it takes by itself, where there are several
    const other = await openReference({ model, mode: 'native', cpuVariant: variant });
    expect(other.info.cpuVariant).toBe(variant);
    await other.close();
    await expect(openReference({ model, mode: 'native', cpuVariant: 'z80' })).rejects.toMatchObject({
      code: 'cpu-variant-unknown',
      message: expect.stringMatching(/"z80".*runs/),
    });
  });

  test('LLAMA_PROBE_CPU makes this machine one that runs no better build', async () => {
    const { cpuVariants: all } = reference.info;
    const best = (all.at(-2) ?? all[0]) as string; // one that this machine runs better ones than, if it has so many
    vi.stubEnv('LLAMA_PROBE_CPU', best);
    try {
      const other = await openReference({ model, mode: 'native' });
      expect(other.info).toMatchObject({ cpuVariant: best, cpuVariants: all.slice(-2) });
      await other.close();
      const lower = await openReference({ model, mode: 'native', cpuVariant: all.at(-1) });
      expect(lower.info.cpuVariant).toBe(all.at(-1));
      await lower.close();
      if (all.length > 2) {
        await expect(openReference({ model, mode: 'native', cpuVariant: all[0] })).rejects.toMatchObject({
          code: 'cpu-variant-unsupported',
          message: expect.stringContaining(`"${all[0]}", and this machine, with LLAMA_PROBE_CPU=${best}, cannot`),
        });
      }
      vi.stubEnv('LLAMA_PROBE_CPU', 'z80');
      await expect(openReference({ model, mode: 'native' })).rejects.toMatchObject({
        code: 'cpu-variant-unknown',
        message: expect.stringMatching(/LLAMA_PROBE_CPU is "z80".*it has .*this machine runs/),
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
