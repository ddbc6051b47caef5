import { closeSync, openSync, readSync } from 'node:fs';
import { findTensor, type GgufFile, type LlamaConfig, ModelError, type TensorInfo } from '@llama-probe/engine';
import {
  type CaseModel,
  type CaseWeight,
  canDequantize,
  type GraphOperations,
  type OracleConfig,
  withParts,
} from '@llama-probe/oracle';

/** The model as the oracle takes it: weights are read from the file when they are asked for. */
export const caseModel = (file: GgufFile, config: LlamaConfig & OracleConfig): CaseModel => ({
  config,
  layers: config.blockCount,
  weight: readOnce(withParts(readOnce((name) => readTensor(findTensor(file, config, name))))),
});

/** The same of a model of any architecture, by llama.cpp's graph of it. */
export const graphCaseModel = (
  file: GgufFile,
  { config, layers }: Pick<GraphOperations, 'config' | 'layers'>,
): CaseModel => ({ config, layers, weight: readOnce(withParts(readOnce((name) => readWeight(file, name)))) });

function readOnce(read: CaseModel['weight']): CaseModel['weight'] {
  const known = new Map<string, CaseWeight | undefined>();
  return (name) => {
    if (!known.has(name)) known.set(name, read(name));
    return known.get(name);
  };
}

/** A tensor of the file in the oracle's terms; undefined where the file has none, or one of a type that the oracle does not read. */
export const readWeight = (file: GgufFile, name: string): CaseWeight | undefined => readTensor(file.tensors.get(name));

function readTensor(tensor: TensorInfo | undefined): CaseWeight | undefined {
  if (!tensor || !canDequantize(tensor.type.name)) return undefined;
  const bytes = new Uint8Array(tensor.bytes);
  const descriptor = openSync(tensor.path, 'r');
  try {
    // One read takes at most 2 GiB.
    for (let at = 0; at < bytes.length; ) {
      const got = readSync(descriptor, bytes, at, Math.min(bytes.length - at, 1 << 30), tensor.offset + at);
      if (got === 0)
        throw new ModelError('model-truncated', `${tensor.path}: became shorter while ${tensor.name} was read.`);
      at += got;
    }
  } finally {
    closeSync(descriptor);
  }
  const [columns = 1, ...rest] = tensor.shape;
  return { type: tensor.type.name, columns, rows: rest.reduce((a, b) => a * b, 1), bytes };
}
