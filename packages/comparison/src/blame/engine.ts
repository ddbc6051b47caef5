import { compare, explain, graphOf } from '@llama-probe/diff';
import { type Place, STAGE_NAMES, tee } from '@llama-probe/dump';
import type { CompareAsk, Looking } from '../asked.js';
import { collectCases, wentOnFrom } from '../diagnosis/collect.js';
import { largerOf } from '../floors/held.js';
import { judgedRun } from '../floors/judged.js';
import { type FreeRun, modelOf, narrated } from '../free.js';
import type { Plan } from '../plan.js';
import type { Side } from '../side.js';
import type { Blamed } from './blamed.js';

/** The candidate runs again and goes on from the reference's rows at every stage, whatever was selected before. */
export async function blameEngine(
  candidate: Side,
  reference: Side,
  plan: Plan,
  { comparison, held }: FreeRun,
  ask: CompareAsk,
  { progress, watcher, signal }: Looking,
): Promise<Blamed> {
  const { name, model } = reference.about;
  progress.say(`running again from ${name}'s inputs`);
  const run = everything(plan, candidate);
  const judged = await judgedRun(reference, run, ask, progress.say, signal);
  const { rule } = held.format ? held : judged;
  const [given, theirs] = tee(judged.tensors);
  const ours = candidate.run({ ...run, from: given }).tensors;
  const about = modelOf(candidate, reference);
  const blamed = await compare(narrated(ours, `from ${name}'s inputs:`, model.layers, progress), theirs, {
    floors: held.format ? largerOf(judged.floors, held.floors) : judged.floors,
    rule: ask.ruleAt?.(rule) ?? rule,
    tokens: plan.tokens,
    ...about,
    locate: 'each',
    onStage: watcher && ((stage, rows) => watcher.stage('blame', stage, rows)),
  });
  const explained = explain(comparison, blamed, { graph: graphOf(about, blamed.stages) });
  const { tokens, forcedTokens = [], ubatch } = run;
  const names = new Set(run.stages);
  return {
    explained,
    stages: blamed.stages,
    ...(reference.operations && {
      computes: {
        nodes: async () => (await reference.operations?.({ tokens: [...tokens, ...forcedTokens], ubatch })) ?? [],
        has: ({ stage }: Place) => names.has(stage),
      },
    }),
    async cases(source, faults = explained.faults) {
      const steps = Math.max(...faults.map(({ step }) => step)); // no further than the last of them begins
      const again = { ...run, steps, forcedTokens: run.forcedTokens?.slice(0, steps) };
      const [given, inputs] = tee(reference.run(again).tensors);
      const sick = candidate.run({ ...again, from: given }).tensors;
      return collectCases(faults, sick, wentOnFrom(inputs), source);
    },
  };
}

/** Whatever was selected before: a stage's inputs are other stages, and each needs its floor. By name, so that floors of a whole free run serve. */
const everything = ({ run: { layers: _, stages: __, ...run } }: Plan, { stages = STAGE_NAMES }: Side) => ({
  ...run,
  stages,
});
