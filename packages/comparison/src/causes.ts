import { type Comparison, describe, type Explained, type Fault, graphOf } from '@llama-probe/diff';
import { stageKey, tee } from '@llama-probe/dump';
import { type GgufFile, llamaConfig } from '@llama-probe/engine';
import { type CaseModel, computeStage, type Diagnosis } from '@llama-probe/oracle';
import type { Looking } from './asked.js';
import { everything } from './blame.js';
import { caseModel } from './diagnosis/case-model.js';
import { collectCases } from './diagnosis/collect.js';
import { causeOf, diagnoseAll } from './diagnosis/diagnose-all.js';
import { modelOf } from './free.js';
import type { Plan } from './plan.js';
import type { NamedFault } from './report.js';
import type { Side } from './side.js';

/** A comparison with its causes. */
export interface Named extends Comparison {
  /** null where nobody ran from the reference's inputs. */
  readonly faults: readonly NamedFault[] | null;
  /** Of the first stage that is wrong; null where it was not looked for. */
  readonly diagnosis: Diagnosis | null;
}

/**
 * Which known bug is it? Each is computed from the faulty stage's own inputs.
 *
 * @param model the file with the weights; without it nothing can be computed
 */
export async function nameCauses(
  candidate: Side,
  reference: Side,
  plan: Plan,
  found: Comparison | Explained,
  model: GgufFile | undefined,
  looking: Looking,
): Promise<Named> {
  if ('faults' in found) {
    const faults = await ofFaults(candidate, reference, plan, found.faults, model, looking);
    return withCause({ ...found, faults, diagnosis: faults[0]?.diagnosis ?? null });
  }
  const diagnosis = model && candidate.recorded ? await ofFirst(candidate, plan, found, model, looking) : null;
  return withCause({ ...found, faults: null, diagnosis });
}

/** The faults of a run from the reference's inputs: both sides run once more, for the rows of those stages. */
async function ofFaults(
  candidate: Side,
  reference: Side,
  plan: Plan,
  faults: Explained['faults'],
  file: GgufFile | undefined,
  { progress, signal }: Looking,
): Promise<NamedFault[]> {
  if (faults.length === 0) return [];
  const found = file && computable(file);
  if (!found || 'why' in found) {
    return faults.map((fault) => ({ ...publicPart(fault), diagnosis: found ? notLookedFor(found.why) : null }));
  }
  const steps = Math.max(...faults.map(({ step }) => step)); // no further than the last of them begins
  const run = { ...everything(plan), steps, forcedTokens: plan.run.forcedTokens?.slice(0, steps) };
  const [given, inputs] = tee(reference.run(run).tensors);
  const sick = candidate.run({ ...run, from: given }).tensors;
  const source = {
    model: found.model,
    graph: graphOf(modelOf(candidate, reference), faults),
    ids: plan.tokens.reference,
  };
  const cases = await collectCases(faults, sick, inputs, source);
  const diagnoses = await diagnoseAll(cases, progress, signal);
  return faults.map((fault) => {
    const diagnosis = diagnoses[cases.findIndex((one) => one.fault === fault)] ?? null;
    return { ...publicPart(fault), diagnosis, cause: diagnosis && causeOf(diagnosis) };
  });
}

const publicPart = ({ limits: _, ...fault }: Explained['faults'][number]): Fault => fault;

/** The first wrong stage of a recorded run, from what it was computed from in that run. */
async function ofFirst(
  candidate: Side,
  plan: Plan,
  { first, stages }: Comparison,
  file: GgufFile,
  { progress, signal }: Looking,
): Promise<Diagnosis | null> {
  const stage = first && stages.find((one) => stageKey(one) === stageKey(first));
  if (!stage) return null;
  const found = computable(file);
  if ('why' in found) return notLookedFor(found.why);
  const { model } = found;
  const source = { model, graph: graphOf({}, [{ layer: model.layers - 1 }]), ids: plan.tokens.candidate };
  // It is read twice at once: for the sick stage, and for what it was computed from.
  const [sick] = await collectCases([stage], candidate.run(plan.run).tensors, candidate.run(plan.run).tensors, source);
  if (!sick) {
    return notLookedFor(`the dump does not have, row by row in one piece, what ${describe(stage)} was computed from`);
  }
  const right = Float32Array.from(computeStage(sick.case));
  const [diagnosis] = await diagnoseAll([{ ...sick, right }], progress, signal);
  return diagnosis ?? null;
}

/** The model as the oracle takes it, or why it cannot. */
function computable(file: GgufFile): { model: CaseModel } | { why: string } {
  try {
    return { model: caseModel(file, llamaConfig(file)) };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (typeof code !== 'string') throw error;
    const [what = message] = /^.*?\.(?=\s|$)/s.exec(message) ?? []; // what follows is advice for running it
    return { why: `known bugs can be computed in a Llama only. ${what}` };
  }
}

/** Nothing was computed, which is not the same as nothing found. */
function notLookedFor(why: string): Diagnosis {
  return { confidence: 'unknown', candidates: [], indistinguishable: [], text: `not looked for: ${why}` };
}

/** Puts the first stage's cause where it is first, and into the sentence. */
function withCause(named: Named): Named {
  const { diagnosis, first, reason } = named;
  const cause = diagnosis && causeOf(diagnosis);
  if (!first || !cause) return named;
  const said = `${reason} The cause${cause.confidence === 'likely' ? ' is likely' : ''}: ${cause.title}.`;
  return { ...named, reason: said, first: { ...first, cause } };
}
