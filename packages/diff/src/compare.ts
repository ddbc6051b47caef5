import type { Tensor } from '@llama-probe/dump';
import type { StageId } from '@llama-probe/dump/stage';
import { type Graph, isOfExperts, isStageName, placeKey, STAGE_NAMES, stageKey } from '@llama-probe/dump/stage';
import { align } from './align.js';
import type { Alone, Comparison, StageResult } from './comparison.js';
import type { Floors, LimitRule } from './floors.js';
import { type AboutModel, graphOf } from './graph.js';
import { judge } from './judge.js';
import type { RowPair, Where } from './locate.js';
import { compareLogits, type GreedyChoice, greedyChoice, type LogitsSummary } from './logits.js';
import { rowOf } from './metrics.js';
import { OpenStage, type Yardstick } from './open-stage.js';
import { rootsBy } from './roots.js';
import { aloneText, passedOverText } from './words.js';

export interface CompareOptions extends AboutModel {
  /** How limits follow from floors: the same for every stage, or each stage's own. */
  readonly rule: LimitRule | ((at: StageId) => LimitRule);
  /** The reference's distance from itself; it may fill while the reference's tensors come. */
  readonly floors?: Pick<Floors, 'get'>;
  /** The token ids of both sides, prompt then decoded. They are compared before anything else. */
  readonly tokens: { readonly candidate: readonly number[]; readonly reference: readonly number[] };
  /** Look for where inside a stage the error is: in the first that is wrong, or, when blaming, in each at its first step. */
  readonly locate?: 'first' | 'each';
  /** Whether what only one side has makes the runs incomparable (the default), or is counted. A name that the other side never uses is counted anyway. */
  readonly strict?: boolean | undefined;
  /** Which stages are judged; of the others it is only told that there are some. Without it all are. */
  readonly only?: ((at: Pick<StageId, 'stage' | 'layer'>) => boolean) | undefined;
  /** Stages whose heads the candidate has in half-split order, though its rows come in the reference's: where they are wrong is told in its own. */
  readonly halfSplit?: ReadonlySet<string> | undefined;
  /** Told of each piece of a stage as it comes, with what is found about the stage so far, and the rows that were compared. */
  readonly onStage?: ((stage: StageResult, rows: readonly RowPair[]) => void) | undefined;
}

const KEPT = 64 << 20; // bytes of wrong stages whose values are kept for a closer look

/**
 * Compares two runs as they stream in.
 *
 * @example
 * const rule = { margin: 10, minimum: 1e-5 };
 * const result = await compare(engineRun.tensors, llamaRun.tensors, { rule, tokens: { candidate: ids, reference: ids } });
 * if (result.verdict === 'diverged') console.log(result.first);
 */
export async function compare(
  candidate: AsyncIterable<Tensor>,
  reference: AsyncIterable<Tensor>,
  options: CompareOptions,
): Promise<Comparison> {
  const difference = tokenDifference(options.tokens.candidate, options.tokens.reference);
  if (difference) {
    const nothing = { first: null, stages: [], ignored: [], alone: NOTHING_ALONE, logits: null, greedy: [] };
    return { verdict: 'incomparable', reason: difference, ...nothing };
  }
  const { rule, floors, strict = true, only } = options;
  const open = new Map<string, OpenStage>();
  const aside = new Map<string, OpenStage>(); // those that are not judged
  const graph = graphOf(options, [{ layer: 0 }]); // what its rows are, a stage's name says
  const known = { candidate: new Set<string>(STAGE_NAMES), reference: new Set<string>(STAGE_NAMES) };
  const yardstick = (at: StageId): Yardstick => ({
    rule: typeof rule === 'function' ? rule(at) : rule,
    floor: floors?.get(stageKey(at)),
  });
  const greedy = new Map<number, Omit<GreedyChoice, 'allowed'>>();
  let logits: LogitsSummary | null = null;
  let kept = 0;
  for await (const pair of align(candidate, reference)) {
    const tensor = (pair.reference ?? pair.candidate) as Tensor;
    const key = stageKey(tensor);
    const isJudged = only?.(tensor) ?? true;
    const opened = isJudged ? open : aside;
    let stage = opened.get(key);
    if (!stage) {
      const isHalfSplit = options.halfSplit?.has(tensor.stage) ?? false;
      stage = new OpenStage(tensor, graph, { isStrict: strict, isHalfSplit });
      opened.set(key, stage);
    }
    if (!isJudged) {
      stage.add(pair.candidate, pair.reference, undefined);
      continue;
    }
    const added = stage.add(pair.candidate, pair.reference, kept < KEPT ? yardstick(stage.at) : undefined);
    kept += added.kept;
    if (stage.isShared) options.onStage?.(stage.result(yardstick(stage.at)), added.rows);
    if (pair.candidate) known.candidate.add(tensor.stage);
    if (pair.reference) known.reference.add(tensor.stage);
    if (
      tensor.stage === 'result_output' &&
      !tensor.columns &&
      pair.candidate &&
      pair.candidate.width === pair.reference?.width
    ) {
      const last = tensor.positions.length - 1; // of the last piece in the end
      const rows = [rowOf(pair.candidate, last), rowOf(pair.reference, last)] as const;
      const choice = greedyChoice(tensor.step, ...rows);
      if (choice) greedy.set(tensor.step, choice);
      if (tensor.step === 0) logits = compareLogits(...rows);
    }
  }

  // A node under a name that the other side never uses was not expected of it.
  const isCompared = (stage: OpenStage) => {
    const { missingIn, at, isShared } = stage;
    if (!strict || !missingIn) return isShared;
    return known[missingIn].has(at.stage) || isOfExperts(at.stage);
  };
  const all = [...open.values()];
  refuseWrongOrder(
    open,
    graphOf(
      options,
      all.map(({ at }) => at),
    ),
  );
  const stages = all
    .filter(isCompared)
    .map((stage) => stage.result(yardstick(stage.at)))
    .sort((a, b) => a.step - b.step || a.order - b.order)
    .map(withWhere(options.locate ?? 'first', (at) => open.get(stageKey(at))?.where(yardstick(at)) ?? null));
  const left = all.filter((stage) => !isCompared(stage));
  const names = new Set(stages.map(({ stage }) => stage));
  const ignored = [...new Set(left.map(({ at }) => at.stage))].filter((name) => !names.has(name));
  const alone = { candidate: aloneIn('candidate', all, left), reference: aloneIn('reference', all, left) };
  const gaps = left.filter(({ missingIn }) => missingIn === 'candidate').map(({ at }) => at);
  const notJudged = [...aside.values()].map(({ at }) => at.stage);
  const judged =
    layersBeyond(
      all.filter(({ at }) => known.reference.has(at.stage)),
      options.graph,
    ) ?? judge(stages, { gaps, graph: options.graph, isPart: notJudged.length > 0 });
  const roots = judged.verdict === 'diverged' ? rootsBy(stages, options.graph) : { stages, text: undefined };
  const more = [...(roots.text === undefined ? [] : [roots.text]), ...passedOverText(notJudged), ...aloneText(alone)];
  const reason = [judged.reason, ...more].join(' ');
  const choices = [...greedy.values()].map((choice) => {
    const stage = stages.find(({ step, stage }) => step === choice.step && stage === 'result_output');
    return { ...choice, allowed: stage ? allowedGap(stage, yardstick(stage)) : 0 };
  });
  const shared = [...aside.values()].filter(({ isShared }) => isShared);
  const rest =
    notJudged.length > 0
      ? { passedOver: notJudged, aside: shared.map((stage) => stage.result(yardstick(stage.at))) }
      : {};
  return { ...judged, reason, stages: roots.stages, ignored, alone, gaps, ...rest, logits, greedy: choices };
}

/**
 * A candidate with layers that the model does not have counts them in another way: its stages are beside those of other layers.
 *
 * @param all of names that the reference has, too: what has a name of its own may have a number in it that is no layer
 */
function layersBeyond(all: readonly OpenStage[], graph: Graph | undefined): ReturnType<typeof judge> | undefined {
  const ours = all.flatMap(({ at, candidateOrder }) => (candidateOrder === undefined ? [] : (at.layer ?? [])));
  const most = ours.reduce((a, b) => Math.max(a, b), 0);
  if (!graph || most < graph.layers) return undefined;
  const from1 = most === graph.layers && !ours.includes(0) ? ' It seems to count them from 1; count them from 0.' : '';
  const reason = `The candidate has a layer ${most}, and the model has the layers 0 to ${graph.layers - 1}.${from1}`;
  return { verdict: 'incomparable', reason, first: null };
}

const NOTHING: Alone = { stages: 0, names: [], rows: 0 };

/** Neither side has anything that the other has not. */
export const NOTHING_ALONE: Comparison['alone'] = { candidate: NOTHING, reference: NOTHING };

/** What only one side has. @param left what was not compared at all */
function aloneIn(side: keyof Comparison['alone'], all: readonly OpenStage[], left: readonly OpenStage[]): Alone {
  const other = side === 'candidate' ? 'reference' : 'candidate';
  const mine = left.filter(({ missingIn }) => missingIn === other);
  const isLeft = new Set(left);
  const rows = all.reduce((sum, stage) => sum + (isLeft.has(stage) ? 0 : stage.missingRows[other]), 0);
  return { stages: mine.length, names: [...new Set(mine.map(({ at }) => at.stage))], rows };
}

/** How far two logits may move apart: each by as much as a single one does in the floor, times the margin, or as all may on the whole. */
function allowedGap({ limit, referenceRms }: StageResult, { rule, floor }: Yardstick): number {
  return 2 * Math.max(rule.margin * (floor?.value ?? 0), limit) * referenceRms;
}

/** Adds where the error is to the stages that are worth it: a closer look takes as long as all the rest. */
function withWhere(which: 'first' | 'each', where: (at: StageId) => Where | null): (stage: StageResult) => StageResult {
  const seen = new Set<string>();
  return (stage) => {
    const place = which === 'first' ? 'any' : placeKey(stage);
    if (stage.verdict !== 'diverged' || seen.has(place)) return stage;
    seen.add(place);
    return { ...stage, where: where(stage) };
  };
}

/** A candidate that says it evaluated a stage before one of its inputs has mixed up its stages. */
function refuseWrongOrder(open: ReadonlyMap<string, OpenStage>, graph: Graph): void {
  for (const stage of open.values()) {
    const { step } = stage.at;
    for (const input of graph.inputsOf(stage.at)) {
      if (!isStageName(input.stage) || !isStageName(stage.at.stage)) continue; // an import orders other names by a table
      const before = open.get(stageKey({ step, ...input }))?.candidateOrder;
      if (stage.candidateOrder === undefined || before === undefined || stage.candidateOrder >= before) continue;
      stage.refuse(
        `the candidate says that it evaluated it before its input ${input.stage} (order ${stage.candidateOrder} and ${before})`,
      );
    }
  }
}

/** Says how two token lists differ, or nothing. */
export function tokenDifference(candidate: readonly number[], reference: readonly number[]): string | undefined {
  const length = Math.max(candidate.length, reference.length);
  for (let i = 0; i < length; i++) {
    if (candidate[i] !== reference[i]) {
      return (
        `The two sides ran different tokens: at position ${i} the candidate has ${candidate[i] ?? 'nothing'} ` +
        `and the reference has ${reference[i] ?? 'nothing'} (${candidate.length} and ${reference.length} tokens).`
      );
    }
  }
  return undefined;
}
