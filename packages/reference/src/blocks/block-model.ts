import { rmSync } from 'node:fs';
import koffi from 'koffi';
import { Evaluation } from '../capture/evaluation.js';
import { ModelError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { loadModel } from '../model/model.js';
import { sliceBytes } from './blockwise.js';
import { Dequantiser, type Slice } from './dequantiser.js';
import { writeBlockModel } from './model-file.js';
import { PartsLook } from './parts.js';
import type { FileTensor, TensorTable } from './tensor-table.js';

/**
 * A model of one block in llama.cpp, whose weights are exchanged: those of any block, any rows of the embedding, any slice of the head, made F32 by
 * ggml.
 */
export class BlockModel {
  readonly address: Pointer;
  /** How many tokens the vocabulary has, and how many rows of it the model has room for. */
  readonly vocabulary: number;
  readonly rows: number;
  /** What is computed with, by the name in a file of one block. */
  private readonly memory = new Map<string, Uint8Array>();
  private readonly tensors: ReadonlyMap<string, FileTensor>;
  private readonly dequantiser: Dequantiser;

  /** @param distinct how many different tokens are to be embedded @throws ModelError, LlamaCppError */
  constructor(
    private readonly library: LlamaLibrary,
    private readonly table: TensorTable,
    distinct: number,
  ) {
    this.dequantiser = new Dequantiser(library);
    this.tensors = new Map(table.tensors.map((tensor) => [tensor.name, tensor]));
    const [columns, all] = this.tensor('token_embd.weight').shape as [number, number];
    this.vocabulary = all;
    const block = table.tensors
      .filter(({ name }) => name.startsWith('blk.0.'))
      .reduce((sum, each) => sum + floats(each), 0);
    this.rows = roomFor(columns, all, distinct, 4 * block);
    const path = writeBlockModel(library, table, this.rows);
    try {
      this.address = loadModel(library, path, 'writable');
    } finally {
      rmSync(path, { force: true });
    }
    this.findWeights();
    for (const name of this.memory.keys()) {
      if (!name.startsWith('blk.') && !this.isVocabulary(name)) this.fill(name, this.tensor(name));
    }
  }

  get layers(): number {
    return this.table.layers;
  }

  /** All slices of the head. */
  get slices(): Slice[] {
    return Array.from({ length: Math.ceil(this.vocabulary / this.rows) }, (_, i) => {
      const first = i * this.rows;
      return { first, rows: Math.min(this.rows, this.vocabulary - first) };
    });
  }

  useBlock(layer: number): void {
    for (const name of this.memory.keys()) {
      if (name.startsWith('blk.0.')) this.fill(name, this.tensor(name.replace('blk.0.', `blk.${layer}.`)));
    }
  }

  /** Row i of the embedding is that of the i-th of these tokens. */
  useTokens(tokens: readonly number[]): void {
    const embedding = this.tensor('token_embd.weight');
    tokens.forEach((token, row) => {
      this.fill('token_embd.weight', embedding, { first: token, rows: 1 }, row);
    });
  }

  useSlice(slice: Slice): void {
    const head = this.tensors.get('output.weight') ? 'output.weight' : 'token_embd.weight';
    this.fill(head, this.tensor(head), slice);
  }

  free(): void {
    this.library.llama_model_free(this.address);
    this.dequantiser.close();
  }

  /** @param to the first row of the weight that is written */
  private fill(name: string, tensor: FileTensor, slice?: Slice, to = 0): void {
    this.dequantiser.write(tensor, this.memory.get(name) as Uint8Array, slice, to);
  }

  private tensor(name: string): FileTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new ModelError('model-unloadable', `the model has no ${name}.`);
    return tensor;
  }

  private isVocabulary(name: string): boolean {
    return name === 'token_embd.weight' || name === 'output.weight';
  }

  /** llama.cpp tells nobody where its weights are but who looks at a graph. */
  private findWeights(): void {
    const look = new PartsLook(this.library);
    const evaluation = new Evaluation(this.library, this.address, { ubatch: 1, contextLength: 1, threads: 1 }, look);
    try {
      evaluation.decode([0], 0);
      look.parts();
      for (const [name, { data, bytes }] of look.weights())
        this.memory.set(name, new Uint8Array(koffi.view(data, bytes)));
    } finally {
      evaluation.free();
    }
  }
}

const floats = ({ shape }: FileTensor): number => shape.reduce((product, count) => product * count, 1);

/** llama.cpp's CPU cuts a product into tiles by how many rows it has, modulo 16 at most, and sums otherwise where it cannot. */
const TILE = 64;

/**
 * How many rows of the vocabulary there is room for: all of a small one, else as many as all are modulo a tile, so that the products are computed alike. Logits
 * are told from other rows by their width.
 */
function roomFor(columns: number, all: number, distinct: number, block: number): number {
  const least = Math.max(distinct, Math.floor(sliceBytes(block) / (4 * columns)));
  if (least >= all) return all;
  const rows = all - TILE * Math.floor((all - least) / TILE);
  return rows === columns ? rows + TILE : rows;
}
