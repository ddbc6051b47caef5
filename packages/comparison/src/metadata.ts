import { basename } from 'node:path';
import type { DumpMetadata, ModelDescription } from '@llama-probe/dump';
import type { Engine, GgufFile } from '@llama-probe/engine';
import { contentHash, type Reference, type ReferenceMode } from '@llama-probe/reference';
import type { RunAbout } from './side.js';
import { VERSION } from './version.js';

/** What a dump of the engine's run says about itself. */
export async function candidateMetadata({ config, file, adapter }: Engine, shared: RunAbout): Promise<DumpMetadata> {
  return {
    producer: { name: 'llama-probe', version: VERSION, backend: `WebGPU, ${adapter.backend}`, adapter: adapter.name },
    model: { ...(await fileDescription(file)), quantization: mostBytes(file), layers: config.blockCount },
    shapes: shapes(config.headCount, config.headCountKv, config.headDim),
    ...shared,
  };
}

/** What a dump of llama.cpp's run says about itself. `config.reference` decides by which limit others are judged. */
export async function referenceMetadata(
  { info }: Reference,
  file: GgufFile,
  mode: ReferenceMode,
  shared: RunAbout,
): Promise<DumpMetadata> {
  const { headCount, headCountKv, embeddingLength, quantization, layers } = info.model;
  const headDim = Number(
    file.metadata[`${info.model.architecture}.attention.key_length`] ?? embeddingLength / headCount,
  );
  return {
    producer: { name: info.name, version: info.version, backend: `CPU, ${info.cpuVariant}, ${mode}` },
    model: { ...(await fileDescription(file)), quantization, layers },
    ...(Number.isInteger(headDim) ? { shapes: shapes(headCount, headCountKv, headDim) } : {}),
    ...shared,
    config: { ...shared.config, reference: mode },
  };
}

async function fileDescription(file: GgufFile): Promise<Omit<ModelDescription, 'layers'>> {
  const { path, bytes } = file;
  const hash = `sha256:${await contentHash(path)}`;
  return {
    file: basename(path),
    bytes,
    hash,
    architecture: architectureOf(file),
    hyperparameters: hyperparametersOf(file),
  };
}

const architectureOf = ({ metadata }: Pick<GgufFile, 'metadata'>): string => String(metadata['general.architecture']);

/** The hyperparameters that are one value, under GGUF's names without the architecture. @example { 'attention.causal': false } */
export function hyperparametersOf(file: Pick<GgufFile, 'metadata'>): Record<string, string | number | boolean> {
  const prefix = `${architectureOf(file)}.`;
  return Object.fromEntries(
    Object.entries(file.metadata).flatMap(([key, value]) => {
      if (!key.startsWith(prefix)) return [];
      const plain = typeof value === 'bigint' ? Number(value) : value;
      // JSON has no infinity, and a file may have one
      const isOne =
        typeof plain === 'string' ||
        typeof plain === 'boolean' ||
        (typeof plain === 'number' && Number.isFinite(plain));
      return isOne ? [[key.slice(prefix.length), plain]] : [];
    }),
  );
}

/** The tensor type that takes the most room. */
function mostBytes({ tensors }: GgufFile): string {
  const bytes = new Map<string, number>();
  for (const { type, bytes: size } of tensors.values()) bytes.set(type.name, (bytes.get(type.name) ?? 0) + size);
  return [...bytes].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}

/** The shape of a row of the stages that have heads. -1 is n_kv, which grows. */
function shapes(heads: number, headsKv: number, headDim: number): Record<string, number[]> {
  return {
    q_proj: [heads, headDim],
    k_proj: [headsKv, headDim],
    v_proj: [headsKv, headDim],
    q_rope: [heads, headDim],
    k_rope: [headsKv, headDim],
    kq: [heads, -1],
    kq_soft_max: [heads, -1],
    kqv_out: [heads, headDim],
  };
}
