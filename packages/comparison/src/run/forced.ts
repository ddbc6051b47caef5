import { compare, type Explained, explain, type Fault, type Floor, type Floors } from '@llama-probe/diff';
import { STAGE_NAMES } from '@llama-probe/dump/stage';
import type { Diagnosis } from '@llama-probe/oracle';
import { caseModel } from '../diagnosis/case-model.js';
import { causeOf, diagnoseAll } from '../diagnosis/causes.js';
import { collectCases } from '../diagnosis/collect.js';
import { withFloors } from '../floors.js';
import { Teacher } from '../teacher.js';
import { type Both, graphOf, heads, runEngine, say } from './both.js';
import type { FreeRun } from './free.js';
import type { Plan } from './plan.js';

/** Which stages are wrong by themselves? Every stage starts from the reference's inputs, whatever was selected before. */
export async function teacherForced(both: Both, plan: Plan, { comparison }: FreeRun): Promise<Explained | undefined> {
  const { engine, reference, file, options, watcher, progress, signal } = both;
  if (!(options.teacherForced ?? comparison.verdict === 'diverged')) return undefined;
  progress.say("running again from llama.cpp's inputs");
  const { unwatched: _, all, ...shared } = plan;
  // Whatever was selected before: a stage's inputs are other stages, and each needs its floor.
  const run = { ...shared, stages: STAGE_NAMES, layers: undefined };
  const judged = await withFloors(reference, file, run, options, progress, signal);
  const teacher = new Teacher(judged.tensors);
  const webgpu = runEngine(both, { ...shared, hook: teacher.hook });
  const forced = await compare(say(webgpu.tensors, "from llama.cpp's inputs:", engine, progress), teacher.tensors(), {
    ...judged,
    rule: options.ruleAt?.(judged.rule) ?? judged.rule,
    floors: ofAnyStep(judged.floors, plan.steps),
    tokens: { candidate: all, reference: all },
    ...heads(engine),
    locate: 'each',
    onStage: watcher && ((stage, rows) => watcher.stage('forced', stage, rows)),
  });
  return explain(comparison, forced, graphOf(engine));
}

/**
 * Of each stage the largest floor of any step. The noise that a stage adds by itself is the same at every step, but in the free runs that a
 * floor is measured in it may cancel what was there before: natively a single decoded row can come out below its own noise.
 */
function ofAnyStep(floors: Floors, steps: number): Pick<Floors, 'get'> {
  return {
    get(key) {
      const place = key.slice(key.indexOf('/'));
      let most: Floor | undefined;
      for (let step = 0; step <= steps; step++) {
        const floor = floors.get(`${step}${place}`);
        if (!floor) continue;
        most = {
          rel: Math.max(floor.rel, most?.rel ?? 0),
          row: Math.max(floor.row, most?.row ?? 0),
          value: Math.max(floor.value, most?.value ?? 0),
        };
      }
      return most;
    },
  };
}

/** A fault with what is known of its cause. */
export type NamedFault = Fault & { readonly diagnosis: Diagnosis | null };

/** What a teacher-forced run explains, with the bugs named. */
export interface Named extends Omit<Explained, 'faults'> {
  readonly faults: readonly NamedFault[];
}

/** Which bug is it? Each known one is computed from the faulty stage's own inputs. */
export async function nameCauses(both: Both, plan: Plan, explained: Explained): Promise<Named> {
  const { engine, reference, file, progress, signal } = both;
  if (explained.faults.length === 0) return { ...explained, faults: [] };
  const { unwatched: _, all, ...shared } = plan;
  const steps = Math.max(...explained.faults.map(({ step }) => step)); // no further than the last of them begins
  const run = { ...shared, steps, forcedTokens: plan.forcedTokens.slice(0, steps) };
  const teacher = new Teacher(reference.run(run).tensors);
  const sick = runEngine(both, { ...run, hook: teacher.hook }).tensors;
  const cases = await collectCases(explained.faults, sick, teacher.tensors(), {
    model: caseModel(file, engine.config),
    graph: graphOf(engine),
    ids: all,
  });
  const diagnoses = await diagnoseAll(cases, progress, signal);
  const faults = explained.faults.map((fault) => {
    const diagnosis = diagnoses[cases.findIndex((one) => one.fault === fault)] ?? null;
    const { limits: _, ...told } = fault;
    return { ...told, diagnosis, cause: diagnosis && causeOf(diagnosis) };
  });
  const cause = faults[0]?.cause ?? null;
  const reason = cause
    ? `${explained.reason} The cause${cause.confidence === 'likely' ? ' is likely' : ''}: ${cause.title}.`
    : explained.reason;
  return { ...explained, reason, faults, first: explained.first && { ...explained.first, cause } };
}
