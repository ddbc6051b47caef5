import { observe, unseen } from '@llama-probe/diff';
import type { Checks } from './checks.js';
import { describeDecode } from './decode.js';
import { caseModel } from './diagnosis/case-model.js';
import { parseInjections } from './diagnosis/inject-option.js';
import { Injector } from './diagnosis/injector.js';
import { Kept } from './kept.js';
import type { CompareOptions } from './options.js';
import type { Progress } from './progress.js';
import { parsePrompt, tokenize } from './prompt.js';
import type { Generated, Report } from './report.js';
import { type Both, heads } from './run/both.js';
import { checks } from './run/checks.js';
import { type Named, nameCauses, teacherForced } from './run/forced.js';
import { type FreeRun, freeRun } from './run/free.js';
import { makePlan, type Plan } from './run/plan.js';
import { ownTokens, speller } from './run/said.js';
import type { About, Watcher } from './run/watcher.js';
import { parseLayers, parseStages } from './selection.js';
import { type OpenSides, openSides } from './sides.js';

/**
 * `probe compare`: both sides on the same tokens, compared as they run.
 *
 * @param open what opens the sides, where several comparisons share them
 */
export async function runCompare(
  options: CompareOptions,
  progress: Progress,
  signal: AbortSignal,
  watcher?: Watcher,
  open: OpenSides = openSides,
): Promise<Report> {
  const begin = performance.now();
  const prompt = parsePrompt(options);
  const stages = parseStages(options.stages);
  const kept = [new Kept(options.out, 'candidate'), new Kept(options.out, 'reference')] as const;
  try {
    const sides = await open(options, progress, signal);
    const { file, engine, reference, chosen } = sides;
    try {
      const opened = performance.now();
      const layers = parseLayers(options.layers, engine.config.blockCount);
      const { ids, text } = await tokenize(prompt, reference);
      const injections = parseInjections(options.inject, engine.config.blockCount);
      const injector = injections.length > 0 ? new Injector(injections, caseModel(file, engine.config)) : undefined;
      const both: Both = { engine, reference, chosen, file, injector, options, watcher, progress, signal };
      const plan = await makePlan(both, ids);
      const about = describeSides(both, plan);
      watcher?.begin({ ...about, heads: heads(engine), stages, layers: layers ?? null, steps: plan.steps });
      const free = await freeRun(both, plan, { text, stages, layers }, kept);
      injector?.refuseUnused();
      const compared = performance.now();
      const explained = await teacherForced(both, plan, free);
      const forced = performance.now();
      const named = explained && (await nameCauses(both, plan, explained));
      const diagnosed = performance.now();
      const report = await makeReport(both, about, plan, free, named, await checks(both, plan, free, explained));
      const timings = {
        open: opened - begin,
        compare: compared - opened,
        ...(explained ? { teacherForced: forced - compared, diagnosis: diagnosed - forced } : {}),
        total: performance.now() - begin,
      };
      return { ...report, timings };
    } finally {
      await sides.close();
    }
  } finally {
    for (const dump of kept) dump.abort();
  }
}

/** What is compared with what. */
function describeSides({ engine, reference, chosen, file, injector }: Both, { tokens }: Plan): Sides {
  const { info } = reference;
  const { architecture: arch, quantization, layers } = info.model;
  return {
    model: { file: file.path, arch, quantization, layers, bytes: file.bytes },
    tokens,
    reference: {
      name: info.name,
      version: info.version,
      mode: chosen.mode,
      why: chosen.why,
      cpuVariant: info.cpuVariant,
    },
    candidate: {
      name: 'llama-probe',
      backend: `WebGPU, ${engine.adapter.backend}`,
      adapter: engine.adapter.name,
      injected: (injector?.injections ?? []).map(
        ({ entry, layer }) => entry.id + (layer === undefined ? '' : `@${layer}`),
      ),
    },
  };
}

type Sides = Pick<About, 'model' | 'tokens' | 'reference' | 'candidate'>;

async function makeReport(
  both: Both,
  sides: Sides,
  plan: Plan,
  free: FreeRun,
  explained: Named | undefined,
  checks: Checks,
): Promise<Omit<Report, 'timings'>> {
  const { engine, reference, file } = both;
  const comparison = explained ?? free.comparison;
  const spell = speller(file, reference, plan.tokens.at(-1) as number);
  const said = async (tokens: readonly number[]): Promise<Generated> => ({ tokens, text: await spell(tokens) });
  const top = comparison.logits?.topK;
  const { method, rule } = free.judged;
  return {
    schema: 1,
    verdict: comparison.verdict,
    reason: comparison.reason,
    ...sides,
    reference: { ...sides.reference, callbackChangesNothing: free.callbackChangesNothing },
    floors: { method, ...rule },
    first: comparison.first,
    faults: explained?.faults ?? null,
    diagnosis: explained?.faults[0]?.diagnosis ?? null,
    stages: comparison.stages,
    ignored: comparison.ignored,
    logits: comparison.logits,
    decode: describeDecode(comparison),
    checks,
    observations: observe(
      free.watches.candidate.observer.result(),
      free.watches.reference.observer.result(),
      reference.info.name,
    ),
    tokenDiagnosis: null,
    unseen: unseen(comparison.stages, plan.ubatch),
    generated: {
      candidate: await said(await ownTokens(both, plan, free.generated)),
      reference: await said(plan.unwatched.generated),
    },
    top: top
      ? {
          candidate: await Promise.all(top.candidate.map(({ id }) => spell([id]))),
          reference: await Promise.all(top.reference.map(({ id }) => spell([id]))),
        }
      : null,
    memory: engine.memory,
  };
}
