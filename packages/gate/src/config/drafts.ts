import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { BUNDLED_MODEL } from '@llama-probe/comparison';
import type { CompareOptions } from '@llama-probe/comparison/ask';
import type { GateCase } from './case.js';
import type { DumpRunConfig, EngineRunConfig, PromptConfig } from './config.js';
import { stageNames, type Wrong } from './globs.js';

const STEPS = 2;

/** A case before it is known which limits and known faults are for it. */
export type Draft = Pick<GateCase, 'name' | 'work' | 'files'>;

/** Each quantisation with each prompt. */
export function engineCases(run: EngineRunConfig, index: number, folder: string, wrong: Wrong): Draft[] {
  const { model, prompts = ['Hello'], reference = 'auto', quantize, stages, layers, name } = run;
  const path = model === undefined ? undefined : resolve(folder, model);
  const types = Array.isArray(quantize) ? quantize : [quantize ?? null];
  const common = {
    steps: run.steps ?? STEPS,
    reference: reference === 'baseline' ? 'auto' : reference,
    adapter: run.adapter ?? 'auto',
    ...(run.exactBy === undefined ? {} : { exactBy: run.exactBy }),
    ...(path === undefined ? {} : { model: path }),
    ...(stages === undefined ? {} : { stages: stageNames(stages, `runs[${index}].stages`, wrong).join() }),
    ...(layers === undefined ? {} : { layers }),
    ...(run.ubatch === undefined ? {} : { ubatch: run.ubatch }),
    ...programOf(run, folder),
    ...ruleOf(run),
  } as const;
  const base = name ?? basename(path ?? BUNDLED_MODEL, '.gguf');
  return types.flatMap((type) =>
    prompts.map((prompt, i): Draft => {
      const [label, options, file] = promptOf(prompt, folder);
      const files: [string, string][] = [];
      if (path !== undefined) files.push([`runs[${index}].model`, path]);
      if (file !== undefined) files.push([`runs[${index}].prompts[${i}].file`, file]);
      if (common.map !== undefined) files.push([`runs[${index}].map`, common.map]);
      return {
        name: [base, type, label]
          .filter((part) => part !== null)
          .map(safe)
          .join('-'),
        work: {
          kind: 'engine',
          options: { ...common, ...options, ...(type === null ? {} : { quantize: type }) },
          against: reference === 'baseline' ? 'baseline' : 'reference',
        },
        files,
      };
    }),
  );
}

export function dumpCase(run: DumpRunConfig, index: number, folder: string): Draft {
  const [candidate, reference, model, map] = [run.candidate, run.reference, run.model, run.map].map((file) =>
    file === undefined ? undefined : resolve(folder, file),
  );
  const given = { candidate, reference, model, map };
  return {
    name: safe(run.name),
    work: {
      kind: 'dump',
      candidate: candidate as string,
      reference,
      llama: run.llama,
      options: {
        ...ruleOf(run),
        ...(model === undefined ? {} : { model }),
        ...(map === undefined ? {} : { map }),
        ...(run.tokens === undefined ? {} : { tokens: run.tokens.join() }),
      },
    },
    files: Object.entries(given).flatMap(([key, file]) =>
      file === undefined ? [] : [[`runs[${index}].${key}`, file] as const],
    ),
  };
}

/** A program that runs instead of the engine. What only some of the gate's sides have is no agreement. */
function programOf(
  { engine, engineTimeout, map, precision }: EngineRunConfig,
  folder: string,
): Partial<CompareOptions> {
  if (engine === undefined) return {};
  return {
    engine,
    engineFolder: folder,
    strict: true,
    ...(engineTimeout === undefined ? {} : { engineTimeout }),
    ...(map === undefined ? {} : { map: resolve(folder, map) }),
    ...(precision === undefined ? {} : { precision }),
  };
}

const ruleOf = ({ margin, minimum }: Pick<EngineRunConfig, 'margin' | 'minimum'>) => ({
  ...(margin === undefined ? {} : { margin }),
  ...(minimum === undefined ? {} : { minimum }),
});

type PromptOptions = Pick<CompareOptions, 'prompt' | 'promptFile' | 'tokens' | 'chat'>;

/** What the case's name says of a prompt, its options, and the file that it is in. */
function promptOf(prompt: PromptConfig, folder: string): [string, PromptOptions, string | undefined] {
  if (typeof prompt === 'string') return [slug(prompt), { prompt }, undefined];
  const { name, text, file, tokens, chat } = prompt;
  const path = file === undefined ? undefined : resolve(folder, file);
  const ids = tokens?.join();
  const label = name ?? (ids === undefined ? slug(file === undefined ? (text ?? '') : basename(file)) : slug(ids));
  const options: PromptOptions = {
    ...(text === undefined ? {} : { prompt: text }),
    ...(path === undefined ? {} : { promptFile: path }),
    ...(ids === undefined ? {} : { tokens: ids }),
    ...(chat ? { chat } : {}),
  };
  return [chat && name === undefined ? `${label}-chat` : label, options, path];
}

const SLUG = 24;

/** A text's beginning as part of a name; if that is not all of it, with some of its hash, so that no other text has the name. */
function slug(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  if (plain.length <= SLUG && plain.length >= text.length - 2 && plain !== '') return plain;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 6);
  return [plain.slice(0, SLUG).replace(/-$/, ''), hash].filter(Boolean).join('-');
}

/** A name that is safe as a file's. */
const safe = (name: string): string => name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '') || 'case';
