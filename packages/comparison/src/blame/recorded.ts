import { compare, comparedIn, explain, graphOf, measureFloors, RunFloors } from '@llama-probe/diff';
import { type Graph, isInVocabulary, type Place, placeKey, stageKey, tee } from '@llama-probe/dump';
import type { Looking } from '../asked.js';
import { collectCases } from '../diagnosis/collect.js';
import { collectStretch, stretchBefore } from '../diagnosis/stretch.js';
import { type FreeRun, modelOf, narrated } from '../free.js';
import type { Plan } from '../plan.js';
import type { Side } from '../side.js';
import type { Blamed } from './blamed.js';
import { rowsToGoOnFrom } from './given.js';
import { withoutHiddenScores } from './hidden-scores.js';
import { ownOrRight } from './went-on.js';

/**
 * llama.cpp goes on from the candidate's rows: of every stage it says what a right one makes of what the candidate had before it. What the
 * candidate does not have llama.cpp computes itself, and what is wrong in between shows at the next stage that the candidate has.
 *
 * Of a candidate in 16 bits each stage is rounded once. What that makes of it is measured: llama.cpp goes on from the same rows twice, and once
 * rounds what it computes.
 *
 * @param judge llama.cpp on the model, by which the reference was computed too @param rounded another one, for a candidate in 16 bits
 */
export async function blameRecorded(
  candidate: Side,
  { judge, rounded }: { readonly judge: Side; readonly rounded: Side | undefined },
  plan: Plan,
  { comparison, held, rule, judged: only }: FreeRun,
  { progress, watcher, signal }: Looking,
): Promise<Blamed | { readonly why: string }> {
  const { name, model } = judge.about;
  const about = modelOf(candidate, judge);
  const both = comparedIn(comparison);
  const graph = graphOf(about, both);
  const rows = await rowsToGoOnFrom(candidate, comparison, graph);
  if (!rows) return { why: 'its prompt was cut into pieces that do not follow one after the other' };
  progress.say(`running ${name} from the candidate's inputs`);
  const run = { ...rows.run, stages: 'vocabulary' as const, signal };
  const ours = narrated(rows.tensors(), `${name} from the candidate's inputs:`, model.layers, progress);
  const [given, compared] = tee(ours);
  const right = judge.run({ ...run, from: withoutHiddenScores(given, graph, comparison) }).tensors;
  const once = new RunFloors();
  const twin = rounded?.run({
    ...run,
    from: withoutHiddenScores(rows.tensors(), graph, comparison),
    round: held.format,
  }).tensors;
  const floors = twin ? once : held.floors;
  const blamed = await compare(compared, twin ? measureFloors(right, twin, once) : right, {
    floors,
    rule,
    tokens: { candidate: plan.tokens.candidate, reference: plan.tokens.candidate },
    ...about,
    graph,
    strict: false,
    only,
    locate: 'each',
    halfSplit: candidate.halfSplit,
    onStage: watcher && ((stage, pairs) => watcher.stage('blame', stage, pairs)),
  });
  const explained = explain(comparison, blamed, { graph, inputsOf: 'candidate' });
  const { tokens, forcedTokens = [], ubatch } = rows.run;
  const known = new Set(both.map(placeKey));
  const there = new Set(both.filter(({ verdict }) => verdict !== 'incomparable').map(placeKey));
  const before = (of: Place, graph: Graph) => stretchBefore(of, graph, (place) => there.has(placeKey(place)));
  const again = () => {
    const [from, own] = tee(withoutHiddenScores(rows.tensors(), graph, comparison));
    return ownOrRight(own, judge.run({ ...run, from }).tensors, rows.run.tokens.length);
  };
  return {
    explained,
    stages: blamed.stages,
    ...(judge.operations && {
      computes: {
        nodes: async () => (await judge.operations?.({ tokens: [...tokens, ...forcedTokens], ubatch })) ?? [],
        // What llama.cpp's run has, whatever the candidate has.
        has: (place: Place) => known.has(placeKey(place)) || isInVocabulary(place.stage),
      },
    }),
    async cases(source, of = explained.faults) {
      const cases = await collectCases(of, rows.tensors(), again(), source);
      return cases.map((one) => ({ ...one, rounding: held.format && floors.get(stageKey(one.fault)) }));
    },
    gap: (graph, of) => before(of, graph).length - 1,
    async stretch(source, of) {
      const places = before(of, source.graph);
      const found = places.length > 1 ? await collectStretch(of, places, rows.tensors(), again(), source) : undefined;
      return found && { ...found, rounding: held.format && floors.get(stageKey(of)) };
    },
  };
}
