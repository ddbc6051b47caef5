import { closeSync, openSync, readSync } from 'node:fs';
import { findTensor, type GgufFile, type LlamaConfig, type TensorInfo } from '@llama-probe/engine';
import {
  type CaseModel,
  type CaseWeight,
  canDequantize,
  type GraphOperations,
  type OracleConfig,
} from '@llama-probe/oracle';

/** The model as the oracle takes it: weights are read from the file when they are asked for. */
export function caseModel(file: GgufFile, config: LlamaConfig & OracleConfig): CaseModel {
  const read = new Map<string, CaseWeight | undefined>();
  return {
    config,
    layers: config.blockCount,
    weight(name) {
      if (!read.has(name)) read.set(name, readTensor(file, findTensor(file, config, name)));
      return read.get(name);
    },
  };
}

/** The same of a model of any architecture, by llama.cpp's graph of it. */
export function graphCaseModel(
  file: GgufFile,
  { config, layers }: Pick<GraphOperations, 'config' | 'layers'>,
): CaseModel {
  const read = new Map<string, CaseWeight | undefined>();
  return {
    config,
    layers,
    weight(name) {
      if (!read.has(name)) read.set(name, readWeight(file, name));
      return read.get(name);
    },
  };
}

/** A tensor of the file in the oracle's terms; undefined where the file has none, or one of a type that the oracle does not read. */
export const readWeight = (file: GgufFile, name: string): CaseWeight | undefined =>
  readTensor(file, file.tensors.get(name));

function readTensor(file: GgufFile, tensor: TensorInfo | undefined): CaseWeight | undefined {
  if (!tensor || !canDequantize(tensor.type.name)) return undefined;
  const bytes = new Uint8Array(tensor.bytes);
  const descriptor = openSync(file.path, 'r');
  try {
    // One read takes at most 2 GiB.
    for (let at = 0; at < bytes.length; )
      at += readSync(descriptor, bytes, at, Math.min(bytes.length - at, 1 << 30), tensor.offset + at);
  } finally {
    closeSync(descriptor);
  }
  const [columns = 1, ...rest] = tensor.shape;
  return { type: tensor.type.name, columns, rows: rest.reduce((a, b) => a * b, 1), bytes };
}
