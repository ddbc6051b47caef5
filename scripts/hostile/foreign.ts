import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { DumpWriter, type Tensor } from '@llama-probe/dump';
import { runWriter } from '@llama-probe/import';
import type pl from 'nodejs-polars';
import { healthyTensors } from './dumps.js';
import { logOf } from './log.js';
import { below, mutated, pick, type Random, type Region } from './mutations.js';
import { HOSTILE_TEXTS } from './names.js';

/** A format that other programs write, in which something can be wrong. */
interface Format {
  /** What the file is called, or the folder that has it. */
  readonly name: string;
  readonly bytes: Buffer;
  readonly regions: readonly Region[];
  /** Its numbers and names can be read as text, and are exchanged there. */
  readonly isText?: true;
  /** What is beside it. */
  readonly beside?: Readonly<Record<string, Buffer>>;
}

const TOKENS = [1, 5, 9];
const prompt = (): Tensor[] => healthyTensors().filter(({ step }) => step === 0);
const fixture = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../packages/import/test/fixtures/${name}`, import.meta.url)));

/** Sound files of all formats that packages/import reads, made in this folder. */
export async function foreignFormats(folder: string): Promise<readonly Format[]> {
  const polars = (await import('nodejs-polars')).default;
  const written = async (ending: string): Promise<Buffer> => {
    const path = join(folder, `sound.${ending}`);
    const writer = runWriter(path);
    for (const tensor of prompt()) writer.write(tensor);
    await writer.close({ producer: { name: 'tiny', version: '1' }, tokens: [...TOKENS] });
    return readFileSync(path);
  };
  const [safetensors, npz, pt, npy] = [
    await written('safetensors'),
    await written('npz'),
    fixture('mine.pt'),
    fixture('lm_head.npy'),
  ];
  const lz4 = compressed(folder, polars, 'lz4');
  const zstd = compressed(folder, polars, 'zstd');
  const head = 8 + Number(safetensors.readBigUInt64LE(0));
  const log = Buffer.from(logOf(prompt()));
  const manifest = {
    tokens: TOKENS,
    tensors: [{ name: 'embd', file: 'a.bin', dtype: 'F32', shape: [3, 8], offset: 0 }],
  };
  return [
    {
      name: 'x.safetensors',
      bytes: safetensors,
      regions: [
        [0, 8],
        [8, head],
      ],
    },
    {
      name: 'x.npz',
      bytes: npz,
      regions: [
        [npz.length - 2000, npz.length],
        [0, 400],
      ],
    },
    { name: 'x.npy', bytes: npy, regions: [[0, 128]] },
    {
      name: 'x.pt',
      bytes: pt,
      regions: [
        [pt.length - 1200, pt.length],
        [0, 1500],
      ],
    },
    { name: 'x.max', bytes: maxOf(Float32Array.from({ length: 24 }, (_, i) => i)), regions: [[0, 51]] },
    { name: 'x.log', bytes: log, regions: [[0, log.length]], isText: true },
    {
      name: 'manifest/manifest.json',
      bytes: Buffer.from(JSON.stringify(manifest)),
      regions: [[0, 90]],
      isText: true,
      beside: { 'a.bin': Buffer.alloc(96) },
    },
    {
      name: 'coreai/metadata.json',
      bytes: Buffer.from(
        JSON.stringify({ inputs: {}, intermediates: { linear_3: { data_file: 'a.npy' } }, outputs: {} }),
      ),
      regions: [[0, 90]],
      isText: true,
      beside: { 'a.npy': npy },
    },
    {
      name: 'sglang/step=0___rank=0___dump_index=1___name=l_out___layer_id=0.pt',
      bytes: asValue(pt),
      regions: [[0, 1500]],
    },
    {
      name: 'lz4.arrow',
      bytes: lz4,
      regions: [
        [lz4.length - 1500, lz4.length],
        [0, lz4.length],
      ],
    },
    {
      name: 'zstd.arrow',
      bytes: zstd,
      regions: [
        [zstd.length - 1500, zstd.length],
        [0, zstd.length],
      ],
    },
  ];
}

/** Writes a file of a format in which something is wrong. @returns what is given to a command */
export function writeForeign(folder: string, format: Format, random: Random): string {
  const [first = '', ...rest] = format.name.split('/');
  const given = join(folder, first);
  rmSync(given, { recursive: true, force: true });
  if (rest.length > 0) mkdirSync(given);
  const isChanged = format.isText && random() < 0.6;
  writeFileSync(
    join(folder, format.name),
    isChanged ? reworded(format.bytes, random) : mutated(format.bytes, format.regions, random),
  );
  for (const [name, bytes] of Object.entries(format.beside ?? {})) writeFileSync(join(given, name), bytes);
  return given;
}

const ODD = [
  '0',
  '-1',
  '1',
  '7',
  '999999999999',
  '1e308',
  '9'.repeat(400),
  'nan',
  '-inf',
  '..., ',
  '{',
  ']',
  '"',
  '../../a.bin',
  '/etc/passwd',
];

/** A text with one to three of its numbers or words exchanged. */
function reworded(bytes: Buffer, random: Random): Buffer {
  let text = bytes.toString('latin1');
  for (let left = 1 + below(random, 3); left > 0; left--) {
    const words = [...text.matchAll(/-?[\d.]+|[A-Za-z_]+/g)];
    if (words.length === 0) break;
    const { 0: word, index } = pick(random, words);
    text = text.slice(0, index) + pick(random, [...ODD, ...HOSTILE_TEXTS]) + text.slice(index + word.length);
  }
  return Buffer.from(text);
}

/** PyTorch's file with keys as SGLang's dumper has them: `value.…` in place of `model.…`. */
function asValue(saved: Buffer): Buffer {
  const bytes = Buffer.from(saved);
  const name = bytes.lastIndexOf('data.pkl'); // in the zip's directory, whose entry has 46 bytes before its name
  const entry = bytes.lastIndexOf('PK\x01\x02', name);
  const [size, local] = [bytes.readUInt32LE(entry + 24), bytes.readUInt32LE(entry + 42)];
  const begin = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  const pickle = bytes.subarray(begin, begin + size);
  for (let at = pickle.indexOf('model.'); at >= 0; at = pickle.indexOf('model.')) pickle.write('value.', at);
  bytes.writeUInt32LE(crc32(pickle), entry + 16);
  return bytes;
}

function compressed(folder: string, polars: typeof pl, compression: 'lz4' | 'zstd'): Buffer {
  const [plain, path] = [join(folder, 'plain.arrow'), join(folder, `sound.${compression}`)];
  const writer = new DumpWriter(plain);
  for (const tensor of prompt()) writer.write({ ...tensor, stage: tensor.stage });
  writer.close({ producer: { name: 'foreign', version: '1' }, tokens: [...TOKENS] });
  polars.readIPC(readFileSync(plain)).writeIPC(path, { compression });
  return readFileSync(path);
}

/** One tensor as MAX writes it. @see openMax */
function maxOf(values: Float32Array): Buffer {
  const head = Buffer.alloc(51);
  head.write('\x93\xf0\x9f\x94\xa5\x2b\x2b\x93', 'latin1');
  head.writeBigUInt64LE(27n, 16);
  head.writeUInt32LE(5, 24);
  head.write('l_out', 28);
  head.set([81, 2], 33);
  head.writeUInt32LE(3, 35);
  head.writeUInt32LE(8, 39);
  head.writeBigUInt64LE(51n, 43);
  return Buffer.concat([head, Buffer.from(values.buffer)]);
}

/** A command that reads it. */
export function foreignCommand(path: string, healthy: string, folder: string, random: Random): string[] {
  const ids = random() < 0.5 ? ['--tokens', TOKENS.join()] : [];
  const both = random() < 0.8 ? [path, healthy] : [healthy, path];
  return pick(random, [
    ['inspect', path, ...ids],
    ['check', path, ...ids],
    ['import', path, join(folder, 'out.npz'), ...ids],
    ['import', path, join(folder, 'out.arrow'), ...ids, '--json'],
    ['diff', ...both, ...ids],
    ['diff', ...both, ...ids, '--json'],
    ['diff', ...both, '--stages', '*', '--layers', '0'],
    ['diff', path, healthy, '--suggest-map'],
  ]);
}
