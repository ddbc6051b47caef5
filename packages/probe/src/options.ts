import type { AdapterKind } from '@llama-probe/engine';
import type { ReferenceMode } from '@llama-probe/reference';
import { InvalidArgumentError, Option } from 'commander';
import type { PromptOptions } from './prompt.js';
import type { ModelOptions } from './sides.js';

export const ADAPTERS = ['gpu', 'llvmpipe', 'lavapipe', 'swiftshader'] as const satisfies readonly AdapterKind[];
export type AdapterChoice = AdapterKind | 'auto';

export interface RunOptions extends ModelOptions, PromptOptions {
  steps: number;
  stages?: string;
  layers?: string;
  adapter: AdapterChoice;
  reference: ReferenceMode | 'auto';
  out?: string;
  json?: boolean;
}

/** The options of the commands that run something; a command takes those it needs. */
export const OPTIONS = {
  model: () => new Option('-m, --model <file>', 'GGUF file (default: the bundled model)'),
  prompt: () => new Option('-p, --prompt <text>', 'text to run (default: "Hello")'),
  promptFile: () => new Option('--prompt-file <file>', 'read the prompt from a file'),
  tokens: () => new Option('--tokens <ids>', 'run these token ids instead of text, such as 1,15043'),
  chat: () => new Option('--chat', "put the prompt through the model's chat template"),
  steps: () => new Option('-n, --steps <count>', 'tokens to decode after the prompt').default(16).argParser(parseCount),
  reference: () =>
    new Option('--reference <mode>', 'llama.cpp on the file as it is, or on its weights as F32')
      .choices(['auto', 'exact', 'native'])
      .default('auto'),
  adapter: () => new Option('--adapter <kind>', 'WebGPU adapter').choices(['auto', ...ADAPTERS]).default('auto'),
  stages: () => new Option('--stages <names>', 'only these stages, such as q_rope,kq'),
  layers: () => new Option('--layers <list>', 'only these layers, such as 0,2-4'),
  quantize: () =>
    new Option('--quantize <type>', 'make this quantisation first, with llama.cpp, such as Q4_K or Q4_K_M'),
  json: () => new Option('--json', 'print one JSON object on stdout'),
};

function parseCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number, 0 or more.');
  return Number(text);
}
