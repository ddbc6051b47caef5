import type { TabledNodes } from '../capture/tabled.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import type { ModelFiles } from '../model/files.js';
import { loadModel } from '../model/model.js';
import type { RunParameters, RunResult } from '../process/protocol.js';
import { BlockModel } from './block-model.js';
import { readTable, type TensorTable } from './tensor-table.js';

/** A model that is evaluated as F32 block by block: of its file only the vocabulary is loaded. */
export class ByBlock {
  readonly vocabulary: Pointer;
  private readonly table: TensorTable;
  private opened: { readonly model: BlockModel; readonly tabled: TabledNodes } | undefined;

  /** @throws ModelError */
  constructor(
    private readonly library: LlamaLibrary,
    private readonly paths: ModelFiles,
  ) {
    this.table = readTable(library, paths);
    this.vocabulary = loadModel(library, paths[0], 'vocabulary');
  }

  /** The whole model as it is in its file, mapped, for as long as `use` takes: instead of the block, so that there is never the memory of both. */
  withNative<T>(use: (model: Pointer) => T): T {
    this.opened?.model.free();
    this.opened = undefined;
    const model = loadModel(this.library, this.paths[0]);
    try {
      return use(model);
    } finally {
      this.library.llama_model_free(model);
    }
  }

  free(): void {
    this.opened?.model.free();
    this.opened = undefined;
    this.library.llama_model_free(this.vocabulary);
  }

  async run(parameters: RunParameters): Promise<RunResult> {
    const [{ decodeGreedily, lookForTables, streamed }, { runBlocks }] = await Promise.all([
      import('../capture/decode.js'),
      import('./run-blocks.js'),
    ]);
    const { library, vocabulary, table } = this;
    const blocks = (distinct: number) => {
      if (this.opened?.model.isFor(distinct, parameters.contextLength)) return this.opened;
      this.opened?.model.free();
      this.opened = undefined;
      const model = new BlockModel(library, table, distinct, parameters.contextLength);
      const [address] = model.addresses as [Pointer]; // the same nodes for every kind of block
      this.opened = { model, tabled: inAllLayers(lookForTables(library, address, parameters.threads), table.layers) };
      return this.opened;
    };
    const guess = (tokens: readonly number[], count: number) =>
      count === 0 ? [] : this.withNative((native) => decodeGreedily(library, native, tokens, count, parameters));
    return streamed((stream) => runBlocks({ library, vocabulary, blocks, guess }, parameters, stream));
  }
}

/** Nodes are known by name, and one block's are called as those of the first. */
function inAllLayers(nodes: TabledNodes, layers: number): TabledNodes {
  const named = (name: string, layer: number) => name.replace(/-0$/, `-${layer}`);
  return new Map(
    Array.from({ length: layers }, (_, layer) =>
      [...nodes].map(
        ([name, { f, overwrites }]) =>
          [named(name, layer), { f, overwrites: overwrites.map((input) => named(input, layer)) }] as const,
      ),
    ).flat(),
  );
}
