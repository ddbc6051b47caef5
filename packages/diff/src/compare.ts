import { STAGE_NAMES, stageKey, type Tensor } from '@llama-probe/dump';
import { align } from './align.js';
import type { Comparison, StageResult, Verdict } from './comparison.js';
import { compareLogits, type LogitsSummary } from './logits.js';
import { MetricSums, rowOf } from './metrics.js';
import { firstPositions, SCORES } from './scores.js';

/**
 * A single row may be off by this much more than the stage as a whole: a row of small values rounds relatively worse, and a
 * wrong one must not hide behind a row of large values, such as the one that Llama models have at the first token.
 */
export const ROW_FACTOR = 4;

export interface CompareOptions {
  /** What a stage's relative RMS delta may be at most. */
  readonly limit: number;
  /** The token ids of both sides, prompt then decoded. They are compared before anything else. */
  readonly tokens: { readonly candidate: readonly number[]; readonly reference: readonly number[] };
  /** The model's query heads, where they are known: rows of scores are compared by them. */
  readonly heads?: number | undefined;
}

/**
 * Compares two runs as they stream in.
 *
 * @example
 * const result = await compare(engineRun.tensors, llamaRun.tensors, { limit: 1e-5, tokens: { candidate: ids, reference: ids } });
 * if (result.verdict === 'diverged') console.log(result.first);
 */
export async function compare(
  candidate: AsyncIterable<Tensor>,
  reference: AsyncIterable<Tensor>,
  options: CompareOptions,
): Promise<Comparison> {
  const difference = tokenDifference(options.tokens.candidate, options.tokens.reference);
  if (difference)
    return { verdict: 'incomparable', reason: difference, first: null, stages: [], ignored: [], logits: null };

  const open = new Map<string, OpenStage>();
  const known = { candidate: new Set<string>(STAGE_NAMES), reference: new Set<string>(STAGE_NAMES) };
  let logits: LogitsSummary | null = null;
  for await (const pair of align(candidate, reference)) {
    const tensor = (pair.reference ?? pair.candidate) as Tensor;
    const key = stageKey(tensor);
    let stage = open.get(key);
    if (!stage) {
      stage = new OpenStage(tensor, options.heads);
      open.set(key, stage);
    }
    stage.add(pair.candidate, pair.reference);
    if (pair.candidate) known.candidate.add(tensor.stage);
    if (pair.reference) known.reference.add(tensor.stage);
    if (tensor.stage === 'result_output' && tensor.step === 0 && pair.candidate && pair.reference) {
      const last = tensor.tokens.length - 1;
      if (pair.candidate.width === pair.reference.width) {
        logits = compareLogits(rowOf(pair.candidate, last), rowOf(pair.reference, last));
      }
    }
  }

  // A node under a name that the other side never uses was not expected of it.
  const isExpected = ({ missingIn, at }: OpenStage) =>
    !missingIn || known[missingIn].has(at.stage) || at.stage.startsWith('ffn_moe_');
  const all = [...open.values()];
  const stages = all
    .filter(isExpected)
    .map((stage) => stage.result(options.limit))
    .sort((a, b) => a.step - b.step || a.order - b.order);
  const ignored = [...new Set(all.filter((stage) => !isExpected(stage)).map(({ at }) => at.stage))];
  const judged = judge(stages);
  const reason =
    ignored.length > 0
      ? `${judged.reason} Not compared, because only one side has them: ${ignored.join(', ')}.`
      : judged.reason;
  return { ...judged, reason, stages, ignored, logits };
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

/** The verdict over all stages: the first diverged one decides, and nothing compared is never agreement. */
export function judge(stages: readonly StageResult[]): Pick<Comparison, 'verdict' | 'reason' | 'first'> {
  const first = stages.find((stage) => stage.verdict === 'diverged');
  if (first) {
    const { order, step, layer, stage, token } = first;
    return {
      verdict: 'diverged',
      reason: `${describe(first)} is the first stage that is wrong${token ? `, from token ${token} on` : ''}: ${first.reason ?? overLimit(first)}.`,
      first: { order, step, layer, stage, token, cause: null },
    };
  }
  const incomparable = stages.find((stage) => stage.verdict === 'incomparable');
  if (incomparable || stages.length === 0) {
    return {
      verdict: 'incomparable',
      reason: incomparable
        ? `${describe(incomparable)}: ${incomparable.reason}.`
        : 'The two sides have no stage in common.',
      first: null,
    };
  }
  const worst = stages.reduce((a, b) => (b.rel / b.limit > a.rel / a.limit ? b : a));
  return {
    verdict: 'agree' satisfies Verdict,
    reason: `All ${stages.length} stages agree; the worst is ${describe(worst)} with a relative RMS delta of ${worst.rel.toExponential(1)} (limit ${showLimit(worst.limit)}).`,
    first: null,
  };
}

/** A stage in words. @example describe({ step: 0, layer: 3, stage: 'kq' }) === 'kq of layer 3' */
export function describe({ step, layer, stage }: Pick<StageResult, 'step' | 'layer' | 'stage'>): string {
  return `${stage}${layer === null ? '' : ` of layer ${layer}`}${step === 0 ? '' : ` at step ${step}`}`;
}

/** A limit as people write it. @example showLimit(1e-5) === '1e-5', showLimit(0.15) === '0.15' */
export function showLimit(limit: number): string {
  return limit < 1e-3 ? String(Number(limit.toPrecision(2)).toExponential()) : String(Number(limit.toPrecision(2)));
}

function overLimit(stage: StageResult): string {
  return `its relative RMS delta is ${stage.rel.toExponential(1)}, the limit is ${showLimit(stage.limit)}`;
}

type Side = 'candidate' | 'reference';

/** One stage while its pieces come in. Their values are not kept. */
class OpenStage {
  private readonly sums = new MetricSums();
  private rows = 0;
  private problem: string | undefined;
  missingIn: Side | undefined;

  readonly at: Omit<Tensor, 'tokens' | 'values'>;

  constructor(
    { order, step, layer, stage, width }: Tensor,
    private readonly heads: number | undefined,
  ) {
    this.at = { order, step, layer, stage, width };
  }

  add(candidate: Tensor | undefined, reference: Tensor | undefined): void {
    if (!candidate || !reference) {
      this.missingIn = candidate ? 'reference' : 'candidate';
      this.problem ??= `missing in the ${this.missingIn}`;
      return;
    }
    const { heads = 0 } = this;
    const scores = SCORES.has(this.at.stage) && reference.width % heads === 0 && candidate.width % heads === 0;
    if (candidate.width !== reference.width && !scores) {
      this.problem ??= `the candidate's rows have ${candidate.width} values, the reference's ${reference.width}`;
      return;
    }
    const nKv = Math.min(candidate.width, reference.width) / heads;
    this.rows += reference.tokens.length;
    for (let row = 0; row < reference.tokens.length; row++) {
      const token = reference.tokens[row] as number;
      const ours = scores ? firstPositions(rowOf(candidate, row), heads, nKv) : rowOf(candidate, row);
      const theirs = scores ? firstPositions(rowOf(reference, row), heads, nKv) : rowOf(reference, row);
      if (!ours || !theirs) {
        this.problem ??= `one side has scores past the ${nKv} positions of the other`;
        return;
      }
      this.sums.add(ours, theirs, token, this.hidden(token, nKv, scores));
    }
  }

  /** Where the mask of a row of `kq` hides; without the heads a row does not tell, and every NaN may be a mask. */
  private hidden(token: number, nKv: number, scores: boolean): ((index: number) => boolean) | undefined {
    if (this.at.stage !== 'kq') return undefined;
    return scores ? (index) => index % nKv > token : () => true;
  }

  result(limit: number): StageResult {
    const { order, step, layer, stage, width } = this.at;
    const metrics = this.sums.metrics();
    const over = this.sums.rows.find((row) => !(row.rel <= limit));
    const worstRow = this.sums.rows.reduce<StageResult['worstRow']>((a, b) => (a && a.rel >= b.rel ? a : b), null);
    const base = {
      order,
      step,
      layer,
      stage,
      shape: [this.rows, width] as const,
      ...metrics,
      floor: null,
      limit,
      local: null,
      token: metrics.firstNonFinite?.token ?? over?.token ?? worstRow?.token ?? null,
      worstRow,
    };
    if (this.problem) return { ...base, verdict: 'incomparable', reason: this.problem };
    if (metrics.count === 0) return { ...base, verdict: 'incomparable', reason: 'it has no values to compare' };
    if (metrics.firstNonFinite) return { ...base, verdict: 'diverged', reason: nonFinite(metrics) };
    if (worstRow && !(worstRow.rel <= limit * ROW_FACTOR) && metrics.rel <= limit) {
      const { token, rel } = worstRow;
      const reason = `the row of token ${token} alone has a relative RMS delta of ${rel.toExponential(1)}, the limit of one row is ${showLimit(limit * ROW_FACTOR)}`;
      return { ...base, token, verdict: 'diverged', reason };
    }
    return { ...base, verdict: metrics.rel <= limit ? 'agree' : 'diverged' };
  }
}

function nonFinite({ nan, inf, firstNonFinite }: Pick<StageResult, 'nan' | 'inf' | 'firstNonFinite'>): string {
  const side = (name: string, nans: number, infs: number) => `${name} has ${nans} NaN and ${infs} Inf`;
  return (
    `${side('the candidate', nan.candidate, inf.candidate)}, ${side('the reference', nan.reference, inf.reference)}; ` +
    `the first is at token ${firstNonFinite?.token}, index ${firstNonFinite?.index}`
  );
}
