import { rmSync, truncateSync } from 'node:fs';
import koffi from 'koffi';
import { Evaluation } from '../capture/evaluation.js';
import { setData } from '../capture/node.js';
import { ModelError } from '../errors.js';
import type { LlamaLibrary, Memory, Pointer } from '../library/library.js';
import { loadModel } from '../model/model.js';
import { sliceBytes, VOCABULARY } from './blockwise.js';
import { Dequantiser, type Slice } from './dequantiser.js';
import { writeBlockModel } from './model-file.js';
import { PartsLook } from './parts.js';
import { type PerBlock, perBlock, queryScaleOf } from './per-block.js';
import type { FileTensor, TensorTable } from './tensor-table.js';

/**
 * A model of one block in llama.cpp, whose weights are exchanged: those of any block, any rows of the embedding, any slice of the head, made F32 by
 * ggml. Where blocks differ by their hyperparameters it is a model for each kind of them, and all have the same weights in memory.
 */
export class BlockModel {
  /** The model of each kind of block. */
  readonly addresses: readonly Pointer[];
  /** What Q is scaled with, where the graph of one block has another number. */
  readonly queryScale: number | undefined;
  /** How many tokens the vocabulary has, and how many rows of it the model has room for. */
  readonly vocabulary: number;
  readonly rows: number;
  /** What is computed with, by the name in a file of one block. */
  private readonly memory = new Map<string, Memory>();
  private readonly files: string[] = [];
  private readonly kinds: readonly number[]; // of each block, which of the addresses
  private readonly tensors: ReadonlyMap<string, FileTensor>;
  private readonly dequantiser: Dequantiser;

  /**
   * @param distinct how many different tokens are to be embedded
   * @param contextLength of the run: a longrope has other factors for more positions than it was first trained on
   * @throws ModelError, LlamaCppError
   */
  constructor(
    private readonly library: LlamaLibrary,
    private readonly table: TensorTable,
    distinct: number,
    private readonly contextLength: number,
  ) {
    this.dequantiser = new Dequantiser(library);
    this.tensors = new Map(table.tensors.map((tensor) => [tensor.name, tensor]));
    const [columns, all] = this.tensor('token_embd.weight').shape as [number, number];
    this.vocabulary = all;
    const block = table.tensors
      .filter(({ name }) => name.startsWith('blk.0.'))
      .reduce((sum, each) => sum + floats(each), 0);
    const vocabularies = VOCABULARY.filter((name) => this.tensors.has(name)).length;
    this.rows = roomFor(columns, all, distinct, sliceBytes(4 * block, vocabularies));
    const own = perBlock(table, table.layers);
    const told = own.map((each) => JSON.stringify(each));
    const distinctKinds = [...new Set(told)];
    this.kinds = told.map((each) => distinctKinds.indexOf(each));
    this.addresses = distinctKinds.map((each) => this.load(own[told.indexOf(each)] as PerBlock));
    this.queryScale = queryScaleOf(table);
    for (const name of this.memory.keys()) {
      if (!name.startsWith('blk.') && !this.isVocabulary(name)) this.fill(name, this.tensor(name));
    }
  }

  get layers(): number {
    return this.table.layers;
  }

  /** Whether it can compute a run with so many different tokens and so many positions. */
  isFor(distinct: number, contextLength: number): boolean {
    const hasRoom = this.rows >= Math.min(distinct, this.vocabulary);
    return hasRoom && (!this.isLongRope || contextLength === this.contextLength);
  }

  /** Which of the addresses has the model of this block. */
  kindOf(layer: number): number {
    return this.kinds[layer] as number;
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
    for (const address of this.addresses) this.library.llama_model_free(address);
    for (const { block } of this.memory.values()) koffi.free(block);
    if (MAPPED_STAYS) for (const path of this.files) rmSync(path, { force: true });
    this.dequantiser.close();
  }

  /** @param to the first row of the weight that is written */
  private fill(name: string, tensor: FileTensor, slice?: Slice, to = 0): void {
    this.dequantiser.write(tensor, (this.memory.get(name) as Memory).bytes, slice, to);
  }

  private tensor(name: string): FileTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new ModelError('model-unloadable', `the model has no ${name}.`);
    return tensor;
  }

  /** Whether each weight of the model of one block has memory. */
  private get hasAll(): boolean {
    return [...this.tensors.keys()].every((name) => /^blk\.[1-9]/.test(name) || this.memory.has(name));
  }

  private get isLongRope(): boolean {
    return this.tensors.has('rope_factors_long.weight');
  }

  private isVocabulary(name: string): boolean {
    return (VOCABULARY as readonly string[]).includes(name);
  }

  /** A model of a block with these hyperparameters. */
  private load(own: PerBlock): Pointer {
    const { library, table, rows } = this;
    const path = writeBlockModel(library, table, rows, own);
    this.files.push(path);
    try {
      const address = loadModel(library, path);
      this.useMemory(address);
      // What is mapped of it are zeros that nobody reads, if every weight was seen; to read past the end of a file would end the process.
      if (!MAPPED_STAYS && this.hasAll) truncateSync(path);
      return address;
    } finally {
      if (!MAPPED_STAYS) rmSync(path, { force: true });
    }
  }

  /**
   * Gives the weights of a model memory that can be written, the same for all models. llama.cpp tells nobody where they are but who looks at a graph:
   * it is asked about each node before the first is computed, so that nothing is computed with what is mapped of the file.
   */
  private useMemory(model: Pointer): void {
    const { library, memory } = this;
    for (const contextLength of this.isLongRope ? [1, this.contextLength] : [1]) {
      const look = new PartsLook(library);
      const seer = {
        evaluate(node: Pointer, ask: boolean): boolean {
          const isWanted = look.evaluate(node, ask);
          if (!ask) return isWanted;
          for (const [name, { tensor, bytes }] of look.weightsOf(node)) {
            const shared = memory.get(name) ?? library.allocate(bytes);
            memory.set(name, shared);
            setData(tensor, shared.address);
          }
          return isWanted;
        },
      };
      const evaluation = new Evaluation(library, model, { ubatch: 1, contextLength, threads: 1 }, seer);
      try {
        evaluation.decode([0], 0);
        look.parts();
      } finally {
        evaluation.free();
      }
    }
  }
}

/** A file that is mapped cannot be removed there. */
const MAPPED_STAYS = process.platform === 'win32';

const floats = ({ shape }: FileTensor): number => shape.reduce((product, count) => product * count, 1);

/** llama.cpp's CPU cuts a product into tiles by how many rows it has, modulo 16 at most, and sums otherwise where it cannot. */
const TILE = 64;

/**
 * How many rows of the vocabulary there is room for: all of a small one, else as many as all are modulo a tile, so that the products are computed alike. Logits
 * are told from other rows by their width.
 */
function roomFor(columns: number, all: number, distinct: number, slice: number): number {
  const least = Math.max(distinct, Math.floor(slice / (4 * columns)));
  if (least >= all) return all;
  const rows = all - TILE * Math.floor((all - least) / TILE);
  return rows === columns ? rows + TILE : rows;
}
