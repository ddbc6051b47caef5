import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { DumpMetadata } from '@llama-probe/dump';
import type { Engine, GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';

const PACKAGE = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
export const VERSION = PACKAGE.version;

type Shared = Pick<DumpMetadata, 'tokens' | 'prompt' | 'config'>;

/** What a dump of the engine's run says about itself. */
export function candidateMetadata(engine: Engine, shared: Shared): DumpMetadata {
  const { config, file, adapter } = engine;
  return {
    producer: { name: 'llama-probe', version: VERSION, backend: `WebGPU, ${adapter.backend}`, adapter: adapter.name },
    model: { file: basename(file.path), bytes: file.bytes, architecture: 'llama', layers: config.blockCount },
    shapes: shapes(config.headCount, config.headCountKv, config.headDim),
    ...shared,
  };
}

/** What a dump of llama.cpp's run says about itself. */
export function referenceMetadata({ info }: Reference, file: GgufFile, shared: Shared): DumpMetadata {
  const { model } = info;
  return {
    producer: { name: info.name, version: info.version, backend: `CPU, ${info.cpuVariant}, ${info.mode}` },
    model: {
      file: basename(file.path),
      bytes: file.bytes,
      architecture: model.architecture,
      quantization: model.quantization,
      layers: model.layers,
    },
    shapes: shapes(model.headCount, model.headCountKv, model.embeddingLength / model.headCount),
    ...shared,
  };
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
