import { STAGE_NAMES, stageKey, type Tensor } from '@llama-probe/dump';
import { align } from './align.js';
import type { Comparison, StageResult, Verdict } from './comparison.js';
import { compareLogits, type LogitsSummary } from './logits.js';
import { MetricSums, rowOf } from './metrics.js';

export interface CompareOptions {
  /** What a stage's relative RMS delta may be at most. */
  readonly limit: number;
  /** The token ids of both sides, prompt then decoded. They are compared before anything else. */
  readonly tokens: { readonly candidate: readonly number[]; readonly reference: readonly number[] };
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
  if (difference) return { verdict: 'incomparable', reason: difference, first: null, stages: [], logits: null };

  const open = new Map<string, OpenStage>();
  const known = { candidate: new Set<string>(STAGE_NAMES), reference: new Set<string>(STAGE_NAMES) };
  let logits: LogitsSummary | null = null;
  for await (const pair of align(candidate, reference)) {
    const tensor = (pair.reference ?? pair.candidate) as Tensor;
    const key = stageKey(tensor);
    let stage = open.get(key);
    if (!stage) {
      stage = new OpenStage(tensor);
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

  const stages = [...open.values()]
    // A node under a name that the other side never uses was not expected of it.
    .filter(({ missingIn, at }) => !missingIn || known[missingIn].has(at.stage))
    .map((stage) => stage.result(options.limit))
    .sort((a, b) => a.step - b.step || a.order - b.order);
  return { ...judge(stages), stages, logits };
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

  constructor({ order, step, layer, stage, width }: Tensor) {
    this.at = { order, step, layer, stage, width };
  }

  add(candidate: Tensor | undefined, reference: Tensor | undefined): void {
    if (!candidate || !reference) {
      this.missingIn = candidate ? 'reference' : 'candidate';
      this.problem ??= `missing in the ${this.missingIn}`;
      return;
    }
    if (candidate.width !== reference.width) {
      this.problem ??= `the candidate's rows have ${candidate.width} values, the reference's ${reference.width}`;
      return;
    }
    this.rows += reference.tokens.length;
    for (let row = 0; row < reference.tokens.length; row++) {
      this.sums.add(
        rowOf(candidate, row),
        rowOf(reference, row),
        reference.tokens[row] as number,
        this.at.stage === 'kq',
      );
    }
  }

  result(limit: number): StageResult {
    const { order, step, layer, stage, width } = this.at;
    const metrics = this.sums.metrics();
    const over = this.sums.rows.find((row) => !(row.rel <= limit));
    const worst = this.sums.rows.reduce((a, b) => (b.rel > a.rel ? b : a), { token: null as number | null, rel: -1 });
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
      token: metrics.firstNonFinite?.token ?? over?.token ?? worst.token,
    };
    if (this.problem) return { ...base, verdict: 'incomparable', reason: this.problem };
    if (metrics.count === 0) return { ...base, verdict: 'incomparable', reason: 'it has no values to compare' };
    if (metrics.firstNonFinite) return { ...base, verdict: 'diverged', reason: nonFinite(metrics) };
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
