import { basename, resolve } from 'node:path';
import { BUNDLED_MODEL } from '@llama-probe/comparison';
import type { CompareOptions } from '@llama-probe/comparison/ask';
import picomatch from 'picomatch';
import { CANDIDATE_KEYS, type CandidateConfig, kindOf } from './candidate.js';
import type { EngineRunConfig } from './config.js';
import { type Draft, ruleOf } from './drafts.js';
import { stageNames, type Wrong } from './globs.js';
import { safe } from './names.js';
import { promptOf } from './prompt-case.js';

const STEPS = 2;

/** Each model in each quantisation, on each engine, with each prompt, but for what is excluded. */
export function engineCases(run: EngineRunConfig, index: number, folder: string, wrong: Wrong): Draft[] {
  const { prompts = ['Hello'], reference = 'auto', layers } = run;
  const shared = {
    steps: run.steps ?? STEPS,
    reference: reference === 'baseline' ? 'auto' : reference,
    ...(run.exactBy === undefined ? {} : { exactBy: run.exactBy }),
    ...(layers === undefined ? {} : { layers }),
    ...ruleOf(run),
  } as const;
  const candidates = candidatesOf(run, `runs[${index}]`, folder, wrong);
  const drafts = modelsOf(run, folder).flatMap((model) =>
    [run.quantize ?? null].flat().flatMap((quantize) =>
      candidates.flatMap((candidate) =>
        prompts.map((prompt, i): Draft => {
          const asked = promptOf(prompt, folder);
          const imatrix = run.imatrix === undefined || quantize === null ? undefined : resolve(folder, run.imatrix);
          const files = {
            model: model.path,
            imatrix,
            [`${candidate.at}map`]: candidate.options.map,
            [`${candidate.at}llamaLib`]: candidate.options.llamaLib,
            [`prompts[${i}].file`]: asked.options.promptFile,
          };
          return {
            name: [...model.labels, quantize, candidate.label, asked.label]
              .filter((part) => part !== null)
              .map(safe)
              .join('-'),
            axes: {
              model: basename(model.path ?? BUNDLED_MODEL),
              quantize,
              engine: candidate.engine,
              prompt: asked.label,
            },
            work: {
              kind: 'engine',
              options: {
                ...shared,
                ...(model.path === undefined ? {} : { model: model.path }),
                ...candidate.options,
                ...asked.options,
                ...(quantize === null ? {} : { quantize }),
                ...(imatrix === undefined ? {} : { imatrix }),
              },
              against: reference === 'baseline' ? 'baseline' : 'reference',
            },
            files: Object.entries(files).flatMap(([key, file]) =>
              file === undefined ? [] : [[`runs[${index}].${key}`, file] as const],
            ),
          };
        }),
      ),
    ),
  );
  return without(drafts, run.exclude, `runs[${index}].exclude`, wrong);
}

/** The models, and what the cases' names begin with: the run's name, the model's, or of a list of models both. */
function modelsOf({ name, model }: EngineRunConfig, folder: string) {
  const own = name === undefined ? [] : [name];
  if (!Array.isArray(model)) {
    const path = model === undefined ? undefined : resolve(folder, model);
    return [{ path, labels: name === undefined ? [nameOf(path ?? BUNDLED_MODEL)] : own }];
  }
  return model.map((file) => ({ path: resolve(folder, file), labels: [...own, nameOf(file)] }));
}

const nameOf = (model: string): string => basename(model, '.gguf');

/** Who is compared, what the cases' names say of it, and where in the run it is said. */
function candidatesOf(run: EngineRunConfig, place: string, folder: string, wrong: Wrong) {
  const options = (candidate: CandidateConfig, stages: EngineRunConfig['stages'], at: string) => ({
    ...candidateOf(candidate, folder),
    ...(stages === undefined ? {} : { stages: stageNames(stages, `${place}.${at}stages`, wrong).join() }),
  });
  if (!run.engines) return [{ engine: kindOf(run), label: null, at: '', options: options(run, run.stages, '') }];
  return run.engines.map(({ name, stages, ...one }, i) => {
    const at = `engines[${i}].`;
    const own = stages === undefined ? options(one, run.stages, '') : options(one, stages, at);
    return { engine: name, label: name, at, options: own };
  });
}

/** Only what is written down is there. What only some of the gate's sides have is no agreement. */
function candidateOf(
  candidate: CandidateConfig,
  folder: string,
): Partial<CompareOptions> & Pick<CompareOptions, 'adapter'> {
  const kind = kindOf(candidate);
  const { adapter = 'auto', map, llamaLib } = candidate;
  const said = Object.fromEntries(
    CANDIDATE_KEYS.flatMap((key) => (candidate[key] === undefined ? [] : [[key, candidate[key]]])),
  );
  return {
    ...said,
    adapter,
    ...(map === undefined ? {} : { map: resolve(folder, map) }),
    ...(llamaLib === undefined ? {} : { llamaLib: resolve(folder, llamaLib) }),
    ...(kind === 'webgpu' ? {} : { strict: true }),
    ...(kind === 'program' ? { engineFolder: folder } : {}),
  };
}

/** The cases that are left. @throws UsageError for a glob that matches none, and if none is left */
function without(
  drafts: readonly Draft[],
  exclude: string | string[] | undefined,
  place: string,
  wrong: Wrong,
): Draft[] {
  const globs = [exclude ?? []].flat();
  const names = drafts.map(({ name }) => name).join(', ');
  for (const glob of globs) {
    const isMeant = picomatch(glob);
    if (!drafts.some(({ name }) => isMeant(name)))
      throw wrong(place, `"${glob}" matches no case; the cases of this run are ${names}.`);
  }
  const isOut = picomatch(globs);
  const left = drafts.filter(({ name }) => globs.length === 0 || !isOut(name));
  if (left.length === 0) throw wrong(place, `all cases of this run are excluded: ${names}; leave one, or the run out.`);
  return left;
}
