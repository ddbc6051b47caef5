import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DumpMetadata, DumpWriter, llamaGraph, type Tensor } from '@llama-probe/dump';
import { randomFrom } from '@llama-probe/testing';
import { below, mutated, pick, type Random, type Region } from './mutations.js';
import { hostileText } from './names.js';

const TOKENS = [1, 5, 9, 2];
const PROMPT = 3;
const HEADS = 2;
const METADATA = (): DumpMetadata => ({
  producer: { name: 'tiny', version: '1', backend: 'CPU' },
  model: {
    file: 'tiny.gguf',
    architecture: 'llama',
    quantization: 'F32',
    layers: 1,
    hyperparameters: { vocab_size: 12 },
  },
  tokens: [...TOKENS],
  prompt: 'abc',
  shapes: { kq: [HEADS, -1], k_proj: [1, 4], q_proj: [HEADS, 4] },
  config: { reference: 'exact', stages: 'vocabulary', layers: 'all', steps: 1 },
  floors: { method: 'two builds', margin: 3, minimum: 1e-5, stages: { '0/0/q_proj': [1e-7, 1e-7, 1e-7] } },
});

/** A whole run: every stage of one layer, a prompt of three tokens and one that was decoded. */
export function healthyTensors(): Tensor[] {
  const random = randomFrom(7);
  const places = llamaGraph({ layers: 1, heads: HEADS, headsKv: 1 }).stages;
  return [0, 1].flatMap((step) =>
    places.map(({ stage, layer }, order): Tensor => {
      const positions = step === 0 ? Int32Array.of(0, 1, 2) : Int32Array.of(PROMPT);
      const width = stage.startsWith('kq') && stage !== 'kqv_out' ? HEADS * (step === 0 ? PROMPT : PROMPT + 1) : 8;
      const values = Float32Array.from({ length: positions.length * width }, () => random() - 0.5);
      return { step, order, layer, stage, positions, width, values };
    }),
  );
}

const ODD_NUMBERS = [0, 1, 7, 511, 2 ** 31 - 1];
const ODD_VALUES = [Number.NaN, Number.POSITIVE_INFINITY, -0, 1e-45, 3.4e38];
const ODD_DATA: readonly unknown[] = [
  null,
  0,
  -1,
  1e9,
  'x',
  [],
  {},
  [1, 'a'],
  { name: 5 },
  { layers: 1e9 },
  { kq: [1e9] },
  { kq: [0, -1] },
  { kq: [] },
];

type Run = { metadata: DumpMetadata; tensors: Tensor[] };
const change = (tensor: Tensor, changes: Partial<Tensor>) => Object.assign(tensor, changes);

const CHANGES: readonly ((run: Run, random: Random) => void)[] = [
  ({ tensors }, random) => change(pick(random, tensors), { stage: hostileText(random) }),
  ({ tensors }, random) => change(pick(random, tensors), { layer: pick(random, [null, ...ODD_NUMBERS]) }),
  ({ tensors }, random) => change(pick(random, tensors), { step: pick(random, ODD_NUMBERS) }),
  ({ tensors }, random) => change(pick(random, tensors), { order: pick(random, ODD_NUMBERS) }),
  ({ tensors }, random) => {
    const tensor = pick(random, tensors);
    tensor.positions[below(random, tensor.positions.length)] = pick(random, ODD_NUMBERS);
  },
  ({ tensors }, random) => {
    const tensor = pick(random, tensors);
    const width = pick(random, [0, 1, 3, tensor.width + 1]);
    change(tensor, { width, values: new Float32Array(width * tensor.positions.length).fill(pick(random, ODD_VALUES)) });
  },
  ({ tensors }, random) => {
    const { values } = pick(random, tensors);
    values.fill(pick(random, ODD_VALUES), below(random, values.length + 1));
  },
  ({ tensors }, random) => tensors.splice(below(random, tensors.length), 1 + below(random, 9)),
  ({ tensors }, random) => tensors.push(pick(random, tensors)),
  ({ tensors }) => tensors.reverse(),
  ({ metadata }, random) => {
    const key = pick(random, ['producer', 'model', 'tokens', 'prompt', 'shapes', 'config', 'floors']);
    Object.assign(metadata, { [key]: pick(random, ODD_DATA) });
  },
  ({ metadata }, random) => {
    const inside = pick(random, [
      metadata.producer,
      metadata.model,
      metadata.shapes,
      metadata.config,
      metadata.floors,
    ]) as object;
    const key = pick(random, [...Object.keys(inside ?? {}), hostileText(random)]);
    Object.assign(inside ?? {}, {
      [key]: pick(random, [...ODD_DATA, hostileText(random), '0-4000000000', [1e9, -1], [0]]),
    });
  },
  ({ metadata }, random) => Object.assign(metadata, { prompt: hostileText(random) }),
  ({ metadata }, random) => {
    const odd = pick(random, [...ODD_NUMBERS, -1, 2 ** 53]);
    metadata.tokens = TOKENS.with(below(random, 4), odd);
  },
];

/** Writes dumps; what it needs for that goes with `close`. */
export function dumpMaker() {
  const folder = mkdtempSync(join(tmpdir(), 'llama-probe-hostile-'));
  const path = join(folder, 'made.arrow');
  const bytesOf = ({ metadata, tensors }: Run): Buffer => {
    const writer = new DumpWriter(path);
    try {
      for (const tensor of tensors) writer.write(tensor);
      writer.close(metadata);
    } finally {
      writer.abort();
    }
    return readFileSync(path);
  };
  const healthy = bytesOf({ metadata: METADATA(), tensors: healthyTensors() });
  const footer = healthy.length - 10 - healthy.readInt32LE(healthy.length - 10);
  const regions: Region[] = [
    [footer, healthy.length],
    [0, footer],
    [footer - 4096, footer],
  ];
  return {
    healthy,
    /** A run in which something is wrong: a field, or bytes. */
    hostile(random: Random): Buffer {
      if (random() < 0.6) return mutated(healthy, regions, random);
      const run = { metadata: METADATA(), tensors: healthyTensors() };
      for (let left = 1 + below(random, 2); left > 0; left--) pick(random, CHANGES)(run, random);
      return bytesOf(run);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
