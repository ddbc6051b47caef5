import { type AboutModel, type Comparison, type Explained, type Fault, graphOf } from '@llama-probe/diff';
import { graphOfNodes } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import { type Diagnosis, GraphOperations, inHalves, unknown } from '@llama-probe/oracle';
import type { Looking } from './asked.js';
import type { Blamed, CaseAbout } from './blame/blamed.js';
import { caseModel, graphCaseModel } from './diagnosis/case-model.js';
import type { SickCase } from './diagnosis/collect.js';
import { computedConfig } from './diagnosis/computed-config.js';
import { causeOf, diagnoseAll } from './diagnosis/diagnose-all.js';
import { diagnoseStretches, FUSED } from './diagnosis/diagnose-stretches.js';
import { toldByNumbers } from './diagnosis/told-by-numbers.js';
import { modelOf } from './free.js';
import type { Plan } from './plan.js';
import type { NamedFault } from './report.js';
import type { Side } from './side.js';

/** A comparison with its causes. */
export interface Named extends Comparison {
  /** null where nobody ran from inputs that both sides had. */
  readonly faults: readonly NamedFault[] | null;
  readonly inputsOf: Explained['inputsOf'] | null;
  /** Of the first stage that is wrong; null where it was not looked for. */
  readonly diagnosis: Diagnosis | null;
}

/**
 * Which known bug is it? Each is computed from the faulty stage's own inputs.
 *
 * @param blamed what came of the run from inputs that both sides had, or why there was none
 * @param file the one with the weights; without it nothing can be computed
 */
export async function nameCauses(
  candidate: Side,
  reference: Side,
  plan: Plan,
  found: Comparison,
  blamed: Blamed | { readonly why: string },
  file: GgufFile | undefined,
  looking: Looking,
): Promise<Named> {
  if ('why' in blamed) return { ...found, faults: null, inputsOf: null, diagnosis: notLookedFor(blamed.why) };
  const { explained } = blamed;
  const ids = plan.tokens.candidate;
  const told = { ids, about: modelOf(candidate, reference), pairs: candidate.pairs };
  const faults = await ofFaults(blamed, file, told, looking);
  return withCause({ ...explained, faults, diagnosis: faults[0]?.diagnosis ?? null });
}

async function ofFaults(
  blamed: Blamed,
  file: GgufFile | undefined,
  { ids, about, pairs }: { readonly ids: readonly number[]; readonly about: AboutModel; readonly pairs: Side['pairs'] },
  { progress, signal }: Looking,
): Promise<NamedFault[]> {
  const { explained, cases } = blamed;
  const { faults } = explained;
  if (faults.length === 0) return [];
  const found = file && (await computable(file, blamed, about));
  if (!found || 'why' in found) {
    return faults.map((fault) => ({ ...publicPart(fault), diagnosis: found ? notLookedFor(found.why) : null }));
  }
  const where = { graph: graphOf(about, faults), ...found, ids };
  const sick = await cases(where);
  const isBehindGap = (fault: SickCase['fault']) => (blamed.gap?.(where.graph, fault) ?? 0) > FUSED;
  const own = await diagnosed(sick, pairs, (cases) => diagnoseAll(cases, progress, signal, isBehindGap));
  const ofStages = faults.map((fault) => {
    const at = sick.findIndex((one) => one.fault === fault);
    const isKnown = !found.operations || found.operations.at(fault) !== undefined;
    return at < 0 ? notLookedFor(isKnown ? NO_INPUTS : NO_OPERATION) : (own[at] ?? null);
  });
  const named = await diagnoseStretches(faults, ofStages, blamed, where, { progress, signal });
  const diagnoses = toldByNumbers(faults, named, sick, pairs);
  return faults.map((fault, i) => {
    const diagnosis = diagnoses[i] ?? null;
    return { ...publicPart(fault), diagnosis, cause: diagnosis && causeOf(diagnosis) };
  });
}

/**
 * Of an engine that has Q and K as Hugging Face does a bug is first looked for in that order, and then in the file's: what it does with a weight while it loads it, before
 * the rows are reordered, is of the file.
 */
async function diagnosed(
  sick: readonly SickCase[],
  pairs: Side['pairs'],
  diagnose: (cases: readonly SickCase[]) => Promise<(Diagnosis | null)[]>,
): Promise<(Diagnosis | null)[]> {
  if (!pairs) return diagnose(sick);
  const written = sick.map(inHalves);
  const own = await diagnose(written);
  const isOne = (found?: Diagnosis | null) => found?.confidence === 'confirmed' && !found.candidates[0]?.with;
  const rest = sick.filter((one, i) => written[i] !== one && !isOne(own[i]));
  const inFile = await diagnose(rest);
  return own.map((found, i) => {
    const other = inFile[rest.indexOf(sick[i] as SickCase)];
    return isOne(other) ? (other as Diagnosis) : found;
  });
}

const NO_INPUTS = 'not all rows that it was computed from, or not all its weights, are there in one piece';
const NO_OPERATION = 'llama.cpp computes it by an operation that no bug is known of';

const publicPart = ({ limits: _, ...fault }: Explained['faults'][number]): Fault => fault;

/** The model as the oracle takes it, and its graph where it is no Llama's. */
type Computable = Omit<CaseAbout, 'ids' | 'graph'> & Partial<Pick<CaseAbout, 'graph'>>;

/** The model as the oracle takes it, or why it cannot: a Llama by its hyperparameters, any other by llama.cpp's graph of it. */
async function computable(
  file: GgufFile,
  { computes }: Blamed,
  { heads, headsKv }: AboutModel,
): Promise<Computable | { readonly why: string }> {
  try {
    return { model: caseModel(file, computedConfig(file)) };
  } catch (error) {
    if (!computes) return { why: `known bugs can be computed in a Llama only. ${reasonOf(error)}` };
    reasonOf(error);
  }
  try {
    const nodes = await computes.nodes();
    const operations = new GraphOperations(nodes, computes.has);
    const graph = graphOfNodes(nodes, computes.has, { heads, headsKv });
    return { model: graphCaseModel(file, operations), operations, graph };
  } catch (error) {
    return { why: `llama.cpp's graph of the model could not be read. ${reasonOf(error)}` };
  }
}

/** What happened, without the advice for running it that follows. @throws what has no code, and so is a mistake of ours */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message: string };
  if (typeof code !== 'string') throw error;
  const [what = message] = /^.*?\.(?=\s|$)/s.exec(message) ?? [];
  return what;
}

/** Nothing was computed, which is not the same as nothing found. */
function notLookedFor(why: string): Diagnosis {
  const said = `not looked for: ${why}`;
  return unknown(said, said);
}

/** Puts the first stage's cause where it is first, and into the sentence. */
function withCause(named: Named): Named {
  const { diagnosis, first, reason } = named;
  const cause = diagnosis && causeOf(diagnosis);
  if (!first || !cause) return named;
  const others = cause.confidence === 'likely' ? diagnosis.indistinguishable : [];
  const or = others.length > 0 ? `, or ${others.join(', ')}` : '';
  const said = `${reason} The cause${cause.confidence === 'likely' ? ' is likely' : ''}: ${cause.title}${or}.`;
  return { ...named, reason: said, first: { ...first, cause } };
}
