import { join } from 'node:path';
import type { GgufFile } from '@llama-probe/engine';
import { UsageError } from '../errors.js';
import type { TextTools } from '../side.js';
import { BaseFile } from './base-file.js';
import { areDumps, readDumps } from './dumps.js';
import type { TextOptions } from './options.js';
import { readPrompts, readText } from './prompts-file.js';
import type { TextReport } from './report.js';
import { cut, type Window, whole } from './windows.js';

/** What is run. */
export interface Source {
  readonly about: TextReport['source'];
  readonly windows: readonly Window[];
  /** The tokens of all windows as the text has them, without a BOS that was put in; of a text without a stride. */
  readonly asWritten?: readonly number[] | undefined;
  readonly base?: BaseFile | undefined;
}

const USUAL = 512; // tokens of a window, as of llama.cpp's tool

/** @throws UsageError for options that do not go together, before anything is opened */
export function checkSource({ text, prompts, base, saveBase, state, window, stride }: TextOptions): void {
  const given = Object.entries({ '--text': text, '--prompts': prompts, '--base': base });
  const names = given.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length === 0)
    throw new UsageError(
      'Wanted a text or prompts: --text FILE, --prompts FILE or a folder of dumps, or --base FILE with log-probabilities of llama-perplexity.',
    );
  if (names.length > 1) throw new UsageError(`${names.join(' and ')} were given; wanted one of them.`);
  const ofText = { '--window': window, '--stride': stride, '--save-base': saveBase };
  for (const [option, value] of Object.entries(ofText)) {
    if (value === undefined || text !== undefined) continue;
    throw new UsageError(`${option} is for --text, and ${names[0]} has its own windows; leave ${option} out.`);
  }
  if (saveBase !== undefined && state !== undefined)
    throw new UsageError(
      '--save-base writes every window, and --state leaves out those that are done; leave one of them out.',
    );
  if (saveBase !== undefined && stride !== undefined)
    throw new UsageError('--save-base has a place for the second half of each window only; leave out --stride.');
}

/** The same text that llama.cpp's tool would run, or the prompts. @param tools llama.cpp's tokeniser @throws UsageError where there is too little of it */
export async function sourceOf(
  options: TextOptions,
  file: GgufFile,
  tools: () => Promise<TextTools>,
  signal: AbortSignal,
): Promise<Source> {
  const { prompts: path, base, windows: most } = options;
  if (base !== undefined) return ofBase(base, file, (await (await tools()).tokenize(''))[0], most);
  if (path === undefined) return ofText(options, file, await tools());
  if (areDumps(options)) return ofPrompts(path, await readDumps(options, file, signal), file);
  const given = readPrompts(path).slice(0, most);
  const isText = given.some((one) => 'text' in one);
  const { tokenize } = isText ? await tools() : { tokenize: undefined };
  const prompts: Prompt[] = [];
  for (const one of given) {
    const spoken = 'ids' in one ? one.ids : await tokenize?.(one.text, { addSpecial: true, parseSpecial: true });
    prompts.push({ tokens: spoken ?? [] });
  }
  return ofPrompts(path, prompts, file);
}

type Prompt = Pick<Window, 'tokens' | 'dump'>;

function ofPrompts(path: string, prompts: readonly Prompt[], file: GgufFile): Source {
  checkPrompts(prompts, path, file);
  const tokens = prompts.reduce((sum, prompt) => sum + prompt.tokens.length, 0);
  return {
    about: { kind: 'prompts', file: path, window: null, stride: null, tokens, leftOut: 0 },
    windows: whole(
      prompts.map((prompt) => prompt.tokens),
      prompts.map(({ dump }) => dump),
    ),
  };
}

/** @throws UsageError with the prompt that cannot be run */
function checkPrompts(prompts: readonly Prompt[], path: string, file: GgufFile): void {
  const [context, vocabulary] = [contextOf(file), vocabularyOf(file)];
  for (const [i, { tokens: ids, dump }] of prompts.entries()) {
    const which = dump === undefined ? `--prompts: prompt ${i + 1} of ${path}` : `--prompts: ${join(path, dump)}`;
    if (ids.length === 0) throw new UsageError(`${which} has no tokens; leave it out.`);
    if (context !== undefined && ids.length > context)
      throw new UsageError(
        `${which} has ${ids.length} tokens, more than the model's context of ${context}; shorten it.`,
      );
    const unknown = ids.find((id) => vocabulary !== undefined && id >= vocabulary);
    if (unknown !== undefined)
      throw new UsageError(
        `${which} has token ${unknown}, and ${file.path} has the ids 0 to ${Number(vocabulary) - 1}.`,
      );
  }
}

async function ofText(options: TextOptions, file: GgufFile, tools: TextTools): Promise<Source> {
  const { text: path = '', window: asked, stride, windows: most } = options;
  const trained = contextOf(file) ?? USUAL;
  if (asked !== undefined && asked > trained)
    throw new UsageError(
      `--window ${asked} is longer than the model's context of ${trained} tokens; wanted at most that.`,
    );
  const ids = await tools.tokenize(readText('--text', path), { addSpecial: true, parseSpecial: false });
  const [bos] = await tools.tokenize('');
  const window = asked ?? Math.min(USUAL, trained);
  const windows = cut(ids, { window, stride, most, bos });
  const end = Math.max(0, ...windows.slice(-1).map(({ begins, tokens }) => begins + tokens.length));
  const length = (windows[0] as Window).tokens.length;
  return {
    about: {
      kind: 'text',
      file: path,
      window: length,
      stride: stride ?? null,
      tokens: end,
      leftOut: ids.length - end,
    },
    windows,
    ...(stride === undefined ? { asWritten: ids.slice(0, end) } : {}),
  };
}

/** The windows of a file of log-probabilities, whose vocabulary has to be the model's. */
async function ofBase(
  path: string,
  file: GgufFile,
  bos: number | undefined,
  most: number | undefined,
): Promise<Source> {
  const base = await BaseFile.open(path);
  const ids = vocabularyOf(file);
  const { window, tokens, vocabulary } = base;
  const worst = ids === undefined ? undefined : tokens.find((id) => id < 0 || id >= ids);
  if (ids !== undefined && (vocabulary !== ids || worst !== undefined)) {
    await base.close();
    const found = vocabulary === ids ? `token ${worst}` : `a vocabulary of ${vocabulary} ids`;
    throw new UsageError(
      `--base: ${path} has ${found}, and ${file.path} has ${ids} ids: it was made with another model.`,
    );
  }
  const windows = cut(tokens, { window, bos, most });
  const count = windows.length * window;
  return {
    about: { kind: 'base', file: path, window, stride: null, tokens: count, leftOut: tokens.length - count },
    windows,
    base,
  };
}

const vocabularyOf = ({ metadata }: GgufFile): number | undefined => {
  const pieces = metadata['tokenizer.ggml.tokens'];
  return Array.isArray(pieces) ? pieces.length : undefined;
};

const contextOf = ({ metadata }: GgufFile): number | undefined => {
  const length = metadata[`${metadata['general.architecture']}.context_length`];
  return length === undefined ? undefined : Number(length);
};
