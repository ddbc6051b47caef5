import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { Engine } from '@llama-probe/engine';
import { llamaConfig, llamaTensors, type OpenedAdapter, openGguf, uploadModel } from '@llama-probe/engine/internal';
import { best } from '../../bench/clock.js';
import type { Peaks } from '../../bench/machine.js';
import { bytesOfModel, type RandomModel, TYPES, writeRandomModel } from '../../random-model/write.js';
import type { Given } from './section.js';
import { giga } from './units.js';

/** A model, how many tokens a prompt of it has, and how many are decoded. */
export interface Trial {
  readonly model: RandomModel;
  readonly prompt: number;
  readonly steps: number;
}
const SMALL: readonly Trial[] = [
  { model: { shape: 'tinyllama', type: 'Q8_0', layers: 2 }, prompt: 32, steps: 8 },
  { model: { shape: 'tinyllama', type: 'Q8_0', layers: 1 }, prompt: 8, steps: 4 },
];
/** From the largest on: the first that the disk, the adapter and the time have room for. */
export const TRIALS: Record<'cpu' | 'gpu', readonly Trial[]> = {
  gpu: [
    { model: { shape: 'llama-3.2-3b', type: 'Q8_0' }, prompt: 512, steps: 32 },
    { model: { shape: 'llama-3.2-1b', type: 'Q8_0' }, prompt: 512, steps: 32 },
    { model: { shape: 'llama-3.2-1b', type: 'Q8_0' }, prompt: 128, steps: 16 },
    ...SMALL,
  ],
  cpu: SMALL,
};
const RUNS = 3;

/** Why a model is not even written: what it needs of the disk, of memory, and of the time that is left. */
export function unfit(
  { model, prompt, steps }: Trial,
  { read, fma }: Peaks,
  { scratch, until }: Given,
): string | undefined {
  const bytes = bytesOfModel(model);
  const { bavail, bsize } = statfsSync(scratch);
  if (bavail * bsize < 1.2 * bytes) return `${scratch} has ${giga(bavail * bsize)}B free`;
  // The folder may be in memory.
  if (freemem() < 1.5 * bytes) return `this machine has ${giga(freemem())}B of memory free`;
  const { readBytes, flop } = workOf(model);
  const writing = bytes / 0.12e9; // bytes a second: written, read again and packed by one slow core
  const decoding = (RUNS * steps * readBytes) / (SLOW.decode * read);
  const prefilling = ((RUNS + 1) * prompt * flop) / (SLOW.prefill * fma);
  const [needs, left] = [writing + decoding + prefilling, (until - Date.now()) / 1000];
  if (needs > 0.8 * left) return `it may take ${Math.round(needs)} s, and ${Math.round(left)} are left`;
  return undefined;
}

/** What of the adapter's peaks a slow one may reach. */
const SLOW = { decode: 0.2, prefill: 0.05 };

/** What a token takes. It goes through every matrix but the embedding, of which it takes one row; a prompt's logits are computed of all its tokens. */
function workOf(model: RandomModel): { readBytes: number; flop: number } {
  const readBytes = bytesOfModel(model) - bytesOfModel({ ...model, layers: 0 }) / 2;
  const { bytes, elements } = TYPES[model.type];
  return { readBytes, flop: 2 * (readBytes / bytes) * elements };
}

export interface Passes {
  readonly prompt: number;
  readonly decode: number; // seconds a token
  readonly prefill: number; // seconds
  readonly readBytes: number; // of a decoded token
  readonly prefillFlop: number;
}

/** Writes the model, uploads it, and times it. */
export async function measurePasses(
  opened: OpenedAdapter,
  { model, prompt: length, steps }: Trial,
  { scratch, say }: Given,
): Promise<Passes> {
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
  const prompt = Array.from({ length }, (_, i) => i + 1);
  say('decode');
  await run([1], 2)();
  const one = await best(RUNS, run([1], 0));
  const all = await best(RUNS, run([1], steps));
  say('prefill');
  await run(prompt, 0)();
  const prefill = await best(RUNS, run(prompt, 0));
  opened.check();
  const { readBytes, flop } = workOf(model);
  return { prompt: prompt.length, decode: (all - one) / steps, prefill, readBytes, prefillFlop: flop * prompt.length };
}
