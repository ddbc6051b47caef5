import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { Engine } from '@llama-probe/engine';
import {
  KernelCache,
  llamaConfig,
  llamaTensors,
  type OpenedAdapter,
  openGguf,
  uploadModel,
} from '@llama-probe/engine/internal';
import { best } from '../../bench/clock.js';
import { measurePeaks, type Peaks } from '../../bench/machine.js';
import { bytesOfModel, type RandomModel, SHAPES, TYPES, writeRandomModel } from '../../random-model/write.js';
import type { Found, Given, Section } from './section.js';

/** What a dispatch costs, what the adapter can read and add up at most, and what of that a model of a real size reaches. */
export const speed: Section = {
  name: 'speed',
  does: 'the cost of a dispatch; decode and prefill of a random model, as shares of what this adapter reads and adds up at most',
  seconds: 285,
  isCompiledFast: false,
  run: measureSpeed,
};

/** From the largest on: the first that the disk and the adapter hold. */
const MODELS: Record<'cpu' | 'gpu', readonly RandomModel[]> = {
  gpu: [
    { shape: 'llama-3.2-3b', type: 'Q8_0' },
    { shape: 'llama-3.2-1b', type: 'Q8_0' },
    { shape: 'tinyllama', type: 'Q8_0' },
    { shape: 'tinyllama', type: 'Q8_0', layers: 2 },
  ],
  cpu: [{ shape: 'tinyllama', type: 'Q8_0', layers: 2 }],
};
const PROMPT = { cpu: 32, gpu: 512 };
const STEPS = { cpu: 8, gpu: 32 };

async function measureSpeed(given: Given): Promise<Found> {
  const { opened, say } = given;
  const { info } = opened.now;
  say('what a dispatch costs');
  const dispatch = await dispatchCost(opened.now);
  say('what the adapter reads and adds up at most');
  const peaks = await measurePeaks(opened.now);
  opened.now.check();
  const known = [
    `a dispatch ${micro(dispatch.each)}, a submit and its end ${micro(dispatch.submit)}`,
    `reads at most ${giga(peaks.read)}B/s, adds up ${giga(peaks.fma)}FLOP/s`,
  ];
  const numbers = { dispatchSeconds: dispatch.each, submitSeconds: dispatch.submit, ...peaks };
  const tried: string[] = [];
  for (const model of MODELS[info.class]) {
    const bytes = bytesOfModel(model);
    const named = `${model.shape}, ${model.layers ?? SHAPES[model.shape].layers} layers, ${model.type}, ${giga(bytes)}B`;
    const why = unfit(bytes, given);
    let passes: Passes | undefined;
    const problem =
      why ??
      (await opened.try(async (now) => {
        passes = await measurePasses(now, model, given);
        return undefined;
      }));
    if (!passes || problem) {
      tried.push(`${named}: ${problem}`);
      continue;
    }
    const shares = sharesOf(passes, peaks);
    const line = [
      ...known,
      `decode ${(passes.decode * 1e3).toPrecision(3)} ms a token, ${percent(shares.decode)} of that bandwidth`,
      `prefill of ${passes.prompt} ${(passes.prefill * 1e3).toPrecision(3)} ms, ${percent(shares.prefill)} of those FLOP (${named})`,
    ].join('; ');
    return { verdict: 'right', line, wrong: [], numbers: { ...numbers, model: named, ...passes, shares, tried } };
  }
  const line = `${known.join('; ')}; no model could be measured: ${tried.join('; ')}`;
  return { verdict: 'untold', line, wrong: [], numbers: { ...numbers, tried } };
}

/** Why a model of that size is not even written. */
function unfit(bytes: number, { scratch, until }: Given): string | undefined {
  const { bavail, bsize } = statfsSync(scratch);
  if (bavail * bsize < 1.2 * bytes) return `${scratch} has ${giga(bavail * bsize)}B free`;
  if (freemem() < 0.5 * bytes) return `this machine has ${giga(freemem())}B of memory free`;
  // Written at 0.4 GB a second and read again at as much, as measured on one slow core.
  const seconds = (until - Date.now()) / 1000;
  if (bytes / 0.2e9 > 0.7 * seconds) return `it takes too long for the ${Math.round(seconds)} s that are left`;
  return undefined;
}

interface Passes {
  readonly prompt: number;
  readonly decode: number; // seconds a token
  readonly prefill: number; // seconds
  readonly readBytes: number; // of a decoded token
  readonly prefillFlop: number;
}

async function measurePasses(opened: OpenedAdapter, model: RandomModel, { scratch, say }: Given): Promise<Passes> {
  const { info, device } = opened;
  const path = join(scratch, 'random.gguf');
  writeRandomModel(path, model, (share) => say(`writing a random model, ${Math.floor(100 * share)} %`));
  const file = await openGguf(path);
  const config = llamaConfig(file);
  const tensors = llamaTensors(file, config);
  const weights = await uploadModel(device, info.kind, file, tensors, (done, all) =>
    say(`uploading it, ${Math.floor((100 * done) / all)} %`),
  );
  const engine = new Engine(opened, file, config, weights);
  const run = (tokens: number[], steps: number) => async () => {
    const { tensors, result } = engine.run({ tokens, steps });
    for await (const _ of tensors);
    return (await result).milliseconds / 1000;
  };
  const [steps, prompt] = [STEPS[info.class], Array.from({ length: PROMPT[info.class] }, (_, i) => i + 1)];
  say('decode');
  await run([1], 2)();
  const one = await best(3, run([1], 0));
  const all = await best(3, run([1], steps));
  say('prefill');
  await run(prompt, 0)();
  const prefill = await best(3, run(prompt, 0));
  opened.check();
  // A token goes through every matrix but the embedding, of which it takes one row; a prompt's logits are computed of all its tokens.
  const readBytes = bytesOfModel(model) - bytesOfModel({ ...model, layers: 0 }) / 2;
  const { bytes, elements } = TYPES[model.type];
  const prefillFlop = 2 * ((readBytes / bytes) * elements) * prompt.length;
  return { prompt: prompt.length, decode: (all - one) / steps, prefill, readBytes, prefillFlop };
}

const sharesOf = ({ decode, prefill, readBytes, prefillFlop }: Passes, { read, fma }: Peaks) => ({
  decode: readBytes / decode / read,
  prefill: prefillFlop / prefill / fma,
});

/** A kernel that adds 64 numbers, once in a submit and very often in one. */
async function dispatchCost({ device }: OpenedAdapter): Promise<{ each: number; submit: number }> {
  const pipeline = new KernelCache(device).pipeline(['batch.wgsl', 'add.wgsl'], { width: 64 });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const batch = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(batch, 0, Uint32Array.of(1, 0, 1, 0));
  const [y, x] = [1, 2].map(() => device.createBuffer({ size: 256, usage: usage & ~GPUBufferUsage.UNIFORM }));
  const entries = [batch, y, x].map((buffer, binding) => ({ binding, resource: { buffer: buffer as GPUBuffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const run = (dispatches: number) => async () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < dispatches; i++) pass.dispatchWorkgroups(1);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  };
  await run(1)();
  const submit = await best(20, run(1));
  const many = 2000;
  const all = await best(5, run(many));
  for (const buffer of [batch, y, x]) buffer?.destroy();
  return { each: Math.max(0, all - submit) / (many - 1), submit };
}

const micro = (seconds: number) => `${(seconds * 1e6).toPrecision(3)} µs`;
const percent = (share: number) => `${(100 * share).toPrecision(2)} %`;

/** @example giga(4.8e12) // '4.80 T' */
function giga(value: number): string {
  const units = [' M', ' G', ' T'];
  const power = Math.min(2, Math.max(0, Math.floor(Math.log10(value) / 3) - 2));
  return `${(value / 1e6 / 1000 ** power).toPrecision(3)}${units[power]}`;
}
