import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { ByBlock } from '../blocks/by-block.js';
import type { TabledNodes } from '../capture/tabled.js';
import { LlamaCppError, toWire } from '../errors.js';
import { type LlamaLibrary, loadLibrary, type Pointer } from '../library/library.js';
import { describeModel, loadModel, quantizeFile } from '../model/model.js';
import { applyChatTemplate, detokenize, piecesOf, tokenize, vocabularyInfo } from '../model/vocabulary.js';
import { readRows } from '../weights/read-rows.js';
import { weightTypes } from '../weights/traits.js';
import { type Answer, endOfLog, LOG_PIPE, type Method, type Methods, type Request } from './protocol.js';

/**
 * The process that llama.cpp lives and may die in. It answers one request after the other, each in one go, since
 * llama.cpp's calls block.
 */

let opened: LlamaLibrary | undefined;
let loaded: { readonly address: Pointer; readonly isExact: boolean; readonly blocks?: ByBlock } | undefined;
let tabled: TabledNodes | undefined; // of an exact model, from its first run on

const library = (): LlamaLibrary => {
  if (!opened) throw new LlamaCppError('internal', 'the library was not opened');
  return opened;
};
const model = (): NonNullable<typeof loaded> => {
  if (!loaded) throw new LlamaCppError('internal', 'no model was loaded');
  return loaded;
};

function unload(): void {
  if (loaded?.blocks) loaded.blocks.free();
  else if (loaded) library().llama_model_free(loaded.address);
  loaded = undefined;
  tabled = undefined;
}

const METHODS: { [M in Method]: (parameters: Methods[M][0]) => Methods[M][1] | Promise<Methods[M][1]> } = {
  open({ directory, cpuVariant, device }) {
    opened = loadLibrary(directory, cpuVariant, device);
    const { version, cpuVariant: chosen, cpuVariants, device: found } = opened;
    return { version, cpuVariant: chosen, cpuVariants, device: found && `${found.name}, ${found.description}` };
  },
  describe: ({ paths }) => describeModel(library(), paths),
  load({ path, isExact, blocks: paths }) {
    const blocks = paths && new ByBlock(library(), paths);
    loaded = { address: blocks?.vocabulary ?? loadModel(library(), path), isExact, ...(blocks && { blocks }) };
    tabled = undefined;
    return null;
  },
  unload() {
    unload();
    return null;
  },
  loadVocabulary({ path }) {
    const address = loadModel(library(), path, 'vocabulary');
    loaded = { address, isExact: false };
    tabled = undefined;
    return vocabularyInfo(library(), address);
  },
  pieces: ({ ids }) => piecesOf(library(), model().address, ids),
  quantize: (parameters) => quantizeFile(library(), parameters),
  tokenize: ({ text, addSpecial, parseSpecial }) =>
    tokenize(library(), model().address, text, addSpecial, parseSpecial),
  detokenize: ({ ids, special }) => detokenize(library(), model().address, ids, special),
  chat: ({ prompt }) => applyChatTemplate(library(), model().address, prompt),
  async operations(parameters) {
    const { lookForOperations } = await import('../capture/decode.js');
    const { address, blocks } = model();
    if (blocks) return blocks.withNative((native) => lookForOperations(library(), native, parameters));
    return lookForOperations(library(), address, parameters);
  },
  async run(parameters) {
    const { address, isExact, blocks } = model();
    if (blocks) return blocks.run(parameters);
    const { lookForTables, run } = await import('../capture/decode.js'); // with it comes Arrow, which takes longer to load than all else
    if (isExact) tabled ??= lookForTables(library(), address, parameters.threads);
    return run(library(), address, parameters, tabled);
  },
  weightTypes: () => weightTypes(library()),
  weights: (piece) => readRows(library(), piece),
};

const markLog = (id: number) => writeSync(LOG_PIPE, `\n${endOfLog(id)}\n`);

async function answer({ id, method, parameters }: Request): Promise<Answer> {
  try {
    const result = await METHODS[method](parameters as never);
    if (method === 'unload') markLog(id);
    return { id, result };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0); // nobody listens any more
    markLog(id);
    return { id, error: toWire(error) };
  }
}

// While llama.cpp computes, this thread hears nothing; another one watches whether the parent is still there.
new Worker(new URL('./watchdog.js', import.meta.url), { workerData: process.ppid }).unref();
process.on('disconnect', () => process.exit(0));
let before: Promise<unknown> = Promise.resolve();
process.on('message', (request: Request) => {
  before = before.then(async () => process.send?.(await answer(request)));
});
