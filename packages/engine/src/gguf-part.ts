import { type BigIntStats, closeSync, openSync, readSync, statSync } from 'node:fs';
import type { GGUFParseOutput } from '@huggingface/gguf';
import { ModelError } from './errors.js';
import { GGML_TYPES, type GgmlType } from './ggml-types.js';

/** One tensor of a model, with its place checked against the size of the file that has it. */
export interface TensorInfo {
  readonly name: string;
  readonly type: GgmlType;
  /** GGUF order: shape[0] is the length of a row. */
  readonly shape: readonly number[];
  /** The file that has it: where a model was split, one of its parts. */
  readonly path: string;
  /** From the beginning of that file, in bytes. */
  readonly offset: number;
  readonly bytes: number;
}

/** One file, which may be a part of a model. */
export interface GgufPart {
  readonly path: string;
  readonly bytes: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** What was read of a path, and what told its file apart then. */
interface Read {
  readonly file: string;
  /** The vocabulary of 150,000 tokens that is in it takes a second to read, and is let go with the last who holds it. */
  readonly part: WeakRef<GgufPart>;
}

const read = new Map<string, Read>();

/**
 * Reads and checks everything of one file but its tensor data; once, as long as somebody holds it and the file is the same.
 *
 * @throws ModelError as openGguf() does
 */
export async function readPart(path: string): Promise<GgufPart> {
  const { dev, ino, size, mtimeNs } = statOf(path);
  const file = [dev, ino, size, mtimeNs].join();
  const before = read.get(path);
  const known = before?.file === file ? before.part.deref() : undefined;
  if (known) return known;
  const part = await readAnew(path, Number(size));
  read.set(path, { file, part: new WeakRef(part) });
  return part;
}

async function readAnew(path: string, size: number): Promise<GgufPart> {
  checkHead(path, size);
  const parsed = await parse(path, size);
  const metadata = { ...parsed.metadata } as Readonly<Record<string, unknown>>;
  const alignment = Number(metadata['general.alignment'] ?? 32);
  if (!Number.isInteger(Math.log2(alignment))) {
    throw damaged(path, `general.alignment is ${alignment}, which is not a power of two`);
  }
  const dataOffset = Number(parsed.tensorDataOffset);
  const tensors = new Map<string, TensorInfo>();
  for (const info of parsed.tensorInfos) {
    const type = GGML_TYPES[info.dtype];
    if (!type) {
      throw new ModelError(
        'model-tensor-type',
        `${path}: ${info.name} has the tensor type ${info.dtype}, which ggml v0.5.0 does not know. The file is damaged, or newer than this tool.`,
      );
    }
    if (tensors.has(info.name)) throw damaged(path, `two tensors are called ${info.name}`);
    tensors.set(info.name, place(path, size, { ...info, type, alignment, dataOffset }));
  }
  checkOverlap(path, tensors);
  return { path, bytes: size, metadata, tensors };
}

/** A regular file, with nanoseconds. */
function statOf(path: string): BigIntStats {
  const stat = reading(path, () => statSync(path, { bigint: true }));
  if (!stat.isFile()) {
    const what = stat.isDirectory() ? 'a directory' : 'not a regular file';
    throw new ModelError('model-not-found', `${path}: is ${what}. Pass the GGUF file itself with --model.`);
  }
  return stat;
}

/** What can be told from the first bytes. */
function checkHead(path: string, size: number): void {
  if (size === 0) throw new ModelError('model-truncated', `${path}: is empty. Download or convert the model again.`);
  const head = Buffer.alloc(64);
  reading(path, () => {
    const descriptor = openSync(path, 'r');
    try {
      readSync(descriptor, head, 0, head.length, 0);
    } finally {
      closeSync(descriptor);
    }
  });
  if (head.toString('latin1').startsWith('version https://git-lfs')) {
    throw new ModelError(
      'model-not-gguf',
      `${path}: is a Git LFS pointer of ${size} bytes, not the model. Run "git lfs pull" in the repository it came from.`,
    );
  }
  if (head.toString('latin1', 0, 4) !== 'GGUF') {
    throw new ModelError(
      'model-not-gguf',
      `${path}: is not GGUF: it begins with ${JSON.stringify(head.toString('latin1', 0, Math.min(4, size)))}, wanted "GGUF". ` +
        "Convert the model with llama.cpp's convert_hf_to_gguf.py.",
    );
  }
  if (size < 24) throw truncated(path, `the header needs 24 bytes, and the file has ${size}`);
  const version = head.readUInt32LE(4);
  if (version !== 0 && (version & 0xffff) === 0) {
    throw new ModelError(
      'model-endianness',
      `${path}: is a big-endian GGUF file (version ${head.readUInt32BE(4)}). Convert it on this machine, or with --endian little.`,
    );
  }
  if (version !== 2 && version !== 3) {
    throw new ModelError(
      'model-version',
      `${path}: is GGUF version ${version}; versions 2 and 3 can be read. Convert the model again with a current llama.cpp.`,
    );
  }
  checkCount(path, size, 'tensors', head.readBigUInt64LE(8), 32); // name, dimensions, a length, type, offset
  checkCount(path, size, 'metadata entries', head.readBigUInt64LE(16), 13); // key, type, a byte
}

/** @throws ModelError that says why the file system did not do it */
function reading<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const what = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`;
    throw new ModelError('model-not-found', `${path}: ${what}. Pass the path of a GGUF file with --model.`, { cause });
  }
}

/** The parser would make an object of each of the zeros that it reads past the end of the file. */
function checkCount(path: string, size: number, what: string, count: bigint, least: number): void {
  if (count * BigInt(least) > BigInt(size)) {
    throw truncated(path, `its header says ${count} ${what}, which is more than ${size} bytes can hold`);
  }
}

async function parse(path: string, size: number): Promise<GGUFParseOutput> {
  const { gguf: parseGguf } = await import('@huggingface/gguf'); // most of what opens two dumps needs no model
  let parsed: GGUFParseOutput;
  try {
    parsed = await parseGguf(path, { allowLocalFile: true });
  } catch (cause) {
    if (cause instanceof RangeError)
      throw truncated(path, `its header or tensor table goes on past its ${size} bytes`, cause);
    throw damaged(path, (cause as Error).message, cause);
  }
  // The parser reads zeros past the end of a file that is shorter than its buffer.
  const [tableBegin, tableEnd] = parsed.tensorInfoByteRange;
  if (tableBegin > size) throw truncated(path, `its metadata needs more than its ${size} bytes`);
  if (tableEnd > size) throw truncated(path, `its tensor table needs ${tableEnd} bytes, and the file has ${size}`);
  return parsed;
}

interface RawTensor {
  name: string;
  shape: bigint[];
  offset: bigint;
  type: GgmlType;
  alignment: number;
  dataOffset: number;
}

function place(path: string, size: number, raw: RawTensor): TensorInfo {
  const { name, type } = raw;
  const elements = raw.shape.reduce((product, n) => product * n, 1n);
  const shape = raw.shape.map(Number);
  if (shape.length === 0 || elements <= 0n || elements > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw damaged(path, `${name} has the shape [${raw.shape.join(', ')}]`);
  }
  const row = shape[0] ?? 1;
  if (row % type.elements !== 0) {
    throw damaged(
      path,
      `${name} is ${type.name}, whose blocks hold ${type.elements} elements, but its rows have ${row}`,
    );
  }
  const bytes = (Number(elements) / type.elements) * type.bytes;
  const offset = raw.dataOffset + Number(raw.offset);
  if (raw.offset % BigInt(raw.alignment) !== 0n) {
    throw damaged(path, `${name} begins at ${raw.offset}, which is not a multiple of the alignment ${raw.alignment}`);
  }
  if (offset + bytes > size) {
    throw truncated(path, `${name} needs the bytes ${offset} to ${offset + bytes}, and the file has ${size}`);
  }
  return { name, type, shape, path, offset, bytes };
}

function checkOverlap(path: string, tensors: ReadonlyMap<string, TensorInfo>): void {
  const byOffset = [...tensors.values()].sort((a, b) => a.offset - b.offset);
  byOffset.forEach((tensor, i) => {
    const before = byOffset[i - 1];
    if (before && before.offset + before.bytes > tensor.offset) {
      throw damaged(path, `${before.name} and ${tensor.name} overlap at byte ${tensor.offset}`);
    }
  });
}

function truncated(path: string, what: string, cause?: unknown): ModelError {
  return new ModelError('model-truncated', `${path}: is cut off: ${what}. Download or copy it again.`, { cause });
}

export function damaged(path: string, what: string, cause?: unknown): ModelError {
  return new ModelError('model-damaged', `${path}: is damaged: ${what}. Download or convert it again.`, { cause });
}
