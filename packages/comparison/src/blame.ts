import { compare, type Explained, explain, graphOf } from '@llama-probe/diff';
import { STAGE_NAMES, tee } from '@llama-probe/dump';
import type { CompareAsk, Looking } from './asked.js';
import { judgedRun } from './floors/judged.js';
import { type FreeRun, modelOf, narrated } from './free.js';
import type { Plan } from './plan.js';
import type { Side } from './side.js';

/**
 * Which stages are wrong by themselves? The candidate runs again, and goes on from the reference's rows at every stage, whatever was selected
 * before: what is wrong then is its own.
 *
 * @returns undefined where the candidate cannot go on from other rows, or nobody asked and the sides agree
 */
export async function blame(
  candidate: Side,
  reference: Side,
  plan: Plan,
  { comparison }: FreeRun,
  ask: CompareAsk,
  { progress, watcher, signal }: Looking,
): Promise<Explained | undefined> {
  if (!candidate.canStartFrom || !(ask.blame ?? comparison.verdict === 'diverged')) return undefined;
  const { name, model } = reference.about;
  progress.say(`running again from ${name}'s inputs`);
  const run = everything(plan);
  const judged = await judgedRun(reference, run, ask, progress.say, signal);
  const [given, theirs] = tee(judged.tensors);
  const ours = candidate.run({ ...run, from: given }).tensors;
  const blamed = await compare(narrated(ours, `from ${name}'s inputs:`, model.layers, progress), theirs, {
    floors: judged.floors,
    rule: ask.ruleAt?.(judged.rule) ?? judged.rule,
    tokens: plan.tokens,
    ...modelOf(candidate, reference),
    locate: 'each',
    onStage: watcher && ((stage, rows) => watcher.stage('blame', stage, rows)),
  });
  return explain(comparison, blamed, graphOf(modelOf(candidate, reference), blamed.stages));
}

/** Whatever was selected before: a stage's inputs are other stages, and each needs its floor. By name, so that floors of a whole free run serve. */
export const everything = ({ run: { layers: _, stages: __, ...run } }: Plan) => ({
  ...run,
  stages: STAGE_NAMES,
});
