/** What runs in the pack: is the engine right on this machine's GPU, and how fast. start.sh starts it, and says with what. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { AdapterInfo, AdapterKind, Tried } from '@llama-probe/engine/internal';
import { askAlone } from './alone.js';
import { Progress } from './progress.js';
import type { Found } from './section.js';
import { SECTIONS } from './sections.js';
import { type Checked, exitCode, summary } from './verdict.js';

const USAGE = `usage: gpu-check [--adapter gpu|llvmpipe|lavapipe|swiftshader] [--json FILE] [--seed N]

Checks llama-probe's engine on this machine's GPU, or, where there is none, on a software adapter: every kernel, every architecture, and how fast.
Takes at most five minutes, and needs no network. Writes gpu-check.json. Exit code 0: right, 1: something is wrong, 2: it could not be told.`;
const KINDS = ['gpu', 'llvmpipe', 'lavapipe', 'swiftshader'];

const begin = Date.now() - Number(process.env.GPU_CHECK_SECONDS ?? 0) * 1000;
const pack =
  process.env.GPU_CHECK_PACK ?? fail('GPU_CHECK_PACK does not say where the pack is. Start gpu-check in the pack.');
const options = read();
const scratch = mkdtempSync(join(tmpdir(), 'gpu-check-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(2));
const progress = new Progress();

const info = await chooseAdapter(options.adapter);
const seconds = () => ((Date.now() - begin) / 1000).toFixed(0);
const checked: Checked[] = [];
for (const section of SECTIONS) {
  console.log(`\n${section.name}: ${section.does}`);
  const started = Date.now();
  const found = await foundBy(section);
  progress.end();
  console.log(`  ${found.line}`);
  checked.push({ name: section.name, seconds: (Date.now() - started) / 1000, ...found });
}

console.log(`\nsummary, after ${seconds()} s, seed ${options.seed}`);
for (const line of summary(checked, `${info.name}, ${info.backend}`)) console.log(line);
writeReport();
process.exitCode = exitCode(checked);

async function foundBy({ name, seconds, isCompiledFast }: (typeof SECTIONS)[number]): Promise<Found> {
  const environment = info.class === 'cpu' && isCompiledFast ? { GALLIVM_PERF: 'nopt' } : {};
  const { seed } = options;
  const asked = { section: name, adapter: info.kind, seed, until: begin + seconds * 1000, pack, scratch };
  const answer = await askAlone(asked, environment as Record<string, string>, (text) => progress.show(text));
  if ('found' in answer) return answer.found;
  if ('crashed' in answer)
    return {
      verdict: 'wrong',
      line: 'the driver crashed: what came after was not looked at',
      wrong: [answer.crashed],
      numbers: {},
    };
  const line = 'failure' in answer ? answer.failure : 'it gave no answer';
  return { verdict: 'untold', line, wrong: [], numbers: {} };
}

/** The adapter that is asked for; without that a GPU, and where there is none, said why, one in software. */
async function chooseAdapter(asked: AdapterKind | 'auto'): Promise<AdapterInfo> {
  const open = async (kind: AdapterKind | 'auto') => {
    const question = { section: 'adapter', adapter: kind, seed: 0, until: Date.now() + 30_000, pack, scratch };
    const answer = await askAlone(question, {}, () => {});
    if ('adapter' in answer) return answer.adapter;
    return {
      message: `${kind}: ${'failure' in answer ? answer.failure : 'crashed' in answer ? answer.crashed : ''}`,
      tried: [] as Tried[],
    };
  };
  if (asked !== 'auto') {
    const found = await open(asked);
    if (!('info' in found)) return fail(found.message);
    return announced(found.info);
  }
  const gpu = await open('gpu');
  if ('info' in gpu) return announced(gpu.info);
  console.log('There is no GPU here that WebGPU can use:');
  for (const line of gpu.tried.length > 0 ? gpu.tried : [{ backend: '', reason: gpu.message, remedy: '' }])
    console.log(
      `  ${[line.backend, line.reason].filter(Boolean).join(': ')}${line.remedy && `\n    remedy: ${line.remedy}`}`,
    );
  const messages: string[] = [];
  for (const kind of ['llvmpipe', 'lavapipe', 'swiftshader'] as const) {
    const found = await open(kind);
    if ('info' in found) {
      console.log('So this runs on a software adapter. It says whether the engine is right, and nothing of a GPU.');
      return announced(found.info);
    }
    messages.push(found.message);
  }
  return fail(messages.join('\n'));
}

function announced(info: AdapterInfo): AdapterInfo {
  const { name, backend, level, features } = info;
  console.log(
    `adapter: ${name}, ${backend}, ${info.class === 'gpu' ? 'a GPU' : 'in software'} (${[level, ...features].join(', ')})`,
  );
  return info;
}

function writeReport(): void {
  const machine = {
    platform: process.platform,
    arch: process.arch,
    release: release(),
    cpu: cpus()[0]?.model,
    cores: cpus().length,
  };
  const report = {
    schema: 1,
    verdict: (['right', 'wrong', 'unknown'] as const)[exitCode(checked)],
    date: new Date().toISOString(),
    seconds: Number(seconds()),
    seed: options.seed,
    adapter: info,
    machine: { ...machine, node: process.version },
    sections: checked,
  };
  try {
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`written to ${options.json}`);
  } catch (error) {
    console.error(`${options.json} could not be written (${(error as Error).message}): name another with --json`);
  }
}

function read(): { adapter: AdapterKind | 'auto'; json: string; seed: number } {
  try {
    const { values } = parseArgs({
      options: {
        adapter: { type: 'string', default: 'auto' },
        json: { type: 'string', default: 'gpu-check.json' },
        seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    if (values.adapter !== 'auto' && !KINDS.includes(values.adapter))
      throw new Error(`--adapter ${values.adapter}: there is none of this name; there are ${KINDS.join(', ')}`);
    if (!/^\d+$/.test(values.seed)) throw new Error(`--seed ${values.seed}: not a whole number`);
    return { adapter: values.adapter as AdapterKind | 'auto', json: resolve(values.json), seed: Number(values.seed) };
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
