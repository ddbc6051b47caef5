import { ADAPTERS, PRECISIONS } from '@llama-probe/comparison/ask';
import { z } from 'zod';
import { count, oneOf, text, wanted } from './fields.js';

const AUTO_ADAPTERS = ['auto', ...ADAPTERS] as const;
const AUTO_PRECISIONS = ['auto', ...PRECISIONS] as const;

/** Who is compared with llama.cpp, and how it runs. Without `engine`, `llamaLib` and `device` it is the WebGPU engine. */
export const CANDIDATE = {
  adapter: z
    .enum(AUTO_ADAPTERS, wanted(oneOf(AUTO_ADAPTERS)))
    .optional()
    .describe('Which WebGPU adapter.'),
  stream: z
    .boolean(wanted('true or false'))
    .optional()
    .describe("Upload the WebGPU engine's weights layer by layer, in the memory of one."),
  ubatch: count('the most prompt tokens at once, 1 or more')
    .min(1, wanted('the most prompt tokens at once, 1 or more'))
    .optional()
    .describe('The most prompt tokens evaluated at once.'),
  engine: text('the command of a program')
    .optional()
    .describe('A program of yours instead of the WebGPU engine: it is executed in the folder of the configuration.'),
  engineTimeout: count('seconds that the program may take, 1 or more')
    .min(1, wanted('seconds that the program may take, 1 or more'))
    .optional()
    .describe('Seconds that the program may take (600).'),
  map: text('the path of a mapping file')
    .optional()
    .describe('Which stages the arrays of the program are whose names nobody knows.'),
  precision: z
    .enum(AUTO_PRECISIONS, wanted(oneOf(AUTO_PRECISIONS)))
    .optional()
    .describe('What the candidate computes in; auto: told from the bits of its values.'),
  llamaLib: text('the folder of the libraries of a build of llama.cpp')
    .optional()
    .describe('A build of llama.cpp of yours instead of the WebGPU engine: the folder of its libraries.'),
  device: text('the name of a device')
    .optional()
    .describe("The device that the candidate's llama.cpp runs on, by ggml's name, such as Vulkan0."),
};

type Key = keyof typeof CANDIDATE;
export const CANDIDATE_KEYS = Object.keys(CANDIDATE) as Key[];
export type CandidateConfig = z.output<z.ZodObject<typeof CANDIDATE>>;
export type CandidateKind = 'webgpu' | 'program' | 'llama';

export const kindOf = ({ engine, llamaLib, device }: CandidateConfig): CandidateKind =>
  engine !== undefined ? 'program' : (llamaLib ?? device) !== undefined ? 'llama' : 'webgpu';

const KINDS: Readonly<Record<CandidateKind, { readonly what: string; readonly takes: readonly Key[] }>> = {
  webgpu: { what: 'the WebGPU engine', takes: ['adapter', 'stream', 'ubatch'] },
  program: { what: 'a program ("engine")', takes: ['engine', 'engineTimeout', 'map', 'precision'] },
  llama: { what: 'a llama.cpp ("llamaLib", "device")', takes: ['llamaLib', 'device', 'ubatch', 'precision'] },
};

/** A key that is where it must not be, and what was wanted in its place. */
export interface Misfit {
  readonly key: Key | 'reference';
  readonly wanted: string;
}

const keysOf = (candidate: CandidateConfig): Key[] => CANDIDATE_KEYS.filter((key) => candidate[key] !== undefined);

/** The first key that this candidate does not take. */
export function misfitOf(candidate: CandidateConfig, reference: string | undefined): Misfit | undefined {
  const kind = kindOf(candidate);
  const { what, takes } = KINDS[kind];
  const key = keysOf(candidate).find((key) => !takes.includes(key));
  if (key !== undefined) {
    const others = (Object.keys(KINDS) as CandidateKind[]).filter((other) => KINDS[other].takes.includes(key));
    const whose = others.map((other) => KINDS[other].what).join(' or ');
    return { key, wanted: `no ${key}: the candidate is ${what}, and ${key} is for ${whose}` };
  }
  if (kind === 'webgpu' || reference !== 'baseline') return undefined;
  return { key: 'reference', wanted: `"auto", "exact" or "native": llama.cpp runs beside ${what}` };
}

/** The first key that belongs into a list of engines which is there. */
export function beside(run: CandidateConfig): Misfit | undefined {
  const [key] = keysOf(run);
  return key && { key, wanted: `no ${key} beside "engines": say it of each of them` };
}
