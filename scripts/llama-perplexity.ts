/**
 * Writes what llama.cpp's own perplexity tool prints of a text of some 4000 tokens, which test/perplexity.test.ts holds `probe text` to: by each kind of CPU build of llama.cpp
 * that this machine runs.
 *
 *   npm pack node-llama-cpp@VERSION            the one in package-lock.json: it carries llama.cpp's source
 *   tar xf node-llama-cpp-*.tgz package/llama/gitRelease.bundle && git clone package/llama/gitRelease.bundle llama.cpp
 *   node scripts/dist/llama-perplexity.js llama.cpp stories260K-F32.gguf
 *
 * Only the tool is compiled (g++), and linked to the libraries that the reference runs: it computes with the same kernels. It is told to keep K and V in f32, to take no flash
 * attention and not to repack weights, as the reference does. Linux x64 only.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUNDLED_MODEL } from '@llama-probe/comparison';
import { libraryDirectory, quantizeModel } from '@llama-probe/reference';
import { randomFrom } from '@llama-probe/testing';

const TO = fileURLToPath(new URL('../../test/perplexity/', import.meta.url));
const SAMPLE = fileURLToPath(new URL('../bundled-model/sample.txt', import.meta.url));
const BUILDS = ['zen4', 'haswell', 'sandybridge', 'sse42', 'x64']; // one of each vector unit
const [WINDOW, TYPE, TIMES] = [256, 'Q4_0', 12];
const FINAL = /Final estimate: PPL = (\S+) \+\/- (\S+)\n/;
const LAST = /Same top p: .*\n/;

const [source, ...others] = process.argv.slice(2);
if (!source) throw new Error("wanted the folder of llama.cpp's source");
const folder = mkdtempSync(join(tmpdir(), 'llama-perplexity-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const libraries = libraryDirectory();
const tool = compiled(source);
const text = join(TO, 'text.txt');
writeFileSync(text, shuffled(readFileSync(SAMPLE, 'utf8'), TIMES));

const models: { model: string; small: string; inF32: { whole: string; small: string } }[] = [];
for (const model of [BUNDLED_MODEL, ...others]) {
  const small = await quantizeModel({ model, type: TYPE });
  const inF32 = {
    whole: await quantizeModel({ model, type: 'F32' }),
    small: await quantizeModel({ model: small, type: 'F32' }),
  };
  models.push({ model, small, inF32 });
}
const runs = BUILDS.flatMap((build) => {
  const run = only(build);
  return models.flatMap(({ model, small, inF32 }) => {
    const base = join(folder, 'base.kld');
    const about = { model: basename(model), build };
    const of = (file: string, ...more: string[]) =>
      run(['--model', file, '--kl-divergence-base', base, ...more], more[0] === '--file' ? FINAL : LAST);
    return [
      { ...about, quantize: null, reference: 'native', ...final(of(model, '--file', text)) },
      { ...about, quantize: null, reference: 'exact', ...final(of(inF32.whole, '--file', text)) },
      // held to the base file of the exact one
      { ...about, quantize: TYPE, reference: 'native', ...divergence(of(small, '--kl-divergence')) },
      { ...about, quantize: TYPE, reference: 'exact', ...divergence(of(inF32.small, '--kl-divergence')) },
    ];
  });
});
writeFileSync(join(TO, 'numbers.json'), `${JSON.stringify({ window: WINDOW, runs }, null, 2)}\n`);

/** The sentences of a text in another order, several times over. */
function shuffled(sample: string, times: number): string {
  const random = randomFrom(1);
  const sentences = sample.trim().split(/(?<=[.!?]"?) /);
  const rounds = Array.from({ length: times }, () =>
    sentences.map((sentence) => ({ sentence, at: random() })).sort((a, b) => a.at - b.at),
  );
  return `${rounds.map((round) => round.map(({ sentence }) => sentence).join(' ')).join('\n')}\n`;
}

/** The tool, on the libraries that the reference has. */
function compiled(from: string): string {
  const made = join(folder, 'llama-perplexity');
  const headers = ['include', 'ggml/include', 'common', 'vendor'].flatMap((name) => ['-I', join(from, name)]);
  const code = ['perplexity.cpp', 'main.cpp'].map((name) => join(from, 'tools/perplexity', name));
  const linked = readdirSync(libraries).filter(
    (name) => /^lib(llama|ggml)/.test(name) && !name.startsWith('libggml-cpu'),
  );
  const flags = [`-Wl,-rpath,${libraries}`, '-Wl,--allow-shlib-undefined', '-lpthread'];
  const args = ['-O1', '-std=c++17', ...headers, '-o', made, ...code, ...linked.map((name) => join(libraries, name))];
  must('g++', [...args, ...flags]);
  return made;
}

/** The tool beside one CPU build only, which it then takes. It may end before all that it says is written: then it runs again. */
function only(build: string): (args: readonly string[], last: RegExp) => string {
  const there = join(folder, build);
  mkdirSync(there);
  const here = join(there, 'llama-perplexity');
  cpSync(tool, here);
  symlinkSync(join(libraries, `libggml-cpu-${build}.so`), join(there, `libggml-cpu-${build}.so`));
  const sizes = ['--ctx-size', String(WINDOW), '--batch-size', String(WINDOW)];
  const types = ['--cache-type-k', 'f32', '--cache-type-v', 'f32', '--flash-attn', 'off', '--no-repack'];
  return (args, last) => {
    for (;;) {
      const said = must(here, [...sizes, ...types, '--threads', '1', ...args]);
      if (last.test(said)) return said;
    }
  };
}

function must(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    cwd: folder,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${error ?? stderr}`);
  return stdout + stderr;
}

/** Numbers as they are printed: their digits count. */
function final(said: string): object {
  return { perplexity: said.match(FINAL)?.slice(1) };
}

function divergence(said: string): object {
  const after = (name: string): string[] | undefined =>
    said
      .match(new RegExp(`^${name.replace(/[()]/g, '\\$&')} *: +(\\S+?)%?(?: ± +(\\S+))?(?: %)?$`, 'm'))
      ?.slice(1)
      .filter(Boolean);
  return {
    perplexity: after('Mean PPL(Q)'),
    base: after('Mean PPL(base)'),
    meanKld: after('Mean +KLD'),
    maxKld: after('Maximum KLD'),
    medianKld: after('Median +KLD'),
    percentile99: after('99.0% +KLD'),
    rmsDeltaP: after('RMS Δp'),
    sameTop: after('Same top p'),
  };
}
