import type { Tensor } from '@llama-probe/dump';
import type { Graph } from '@llama-probe/dump/stage';
import type { StageResult } from './comparison.js';
import { deltasOf, type Floor, type LimitRule, limitOf } from './floors.js';
import { inHalves } from './layouts/halves.js';
import { IN_HALVES } from './locate/text.js';
import { locate, type RowPair, type Where } from './locate.js';
import { MetricSums, rowOf } from './metrics.js';
import { firstPositions, withPositions } from './scores.js';
import { showLimit } from './words.js';

type Side = 'candidate' | 'reference';

/** How a stage is judged. */
export interface Yardstick {
  readonly rule: LimitRule;
  readonly floor: Floor | undefined;
}

interface StageRules {
  /** Whether it is incomparable where one side does not have all of it. */
  readonly isStrict: boolean;
  /** Whether the candidate has its heads in half-split order: places in it are told in that. */
  readonly isHalfSplit: boolean;
}

/** What came of a piece of a stage. */
interface Added {
  readonly rows: readonly RowPair[];
  /** Bytes. */
  readonly kept: number;
}

/** One stage while its pieces come in. */
export class OpenStage {
  private readonly sums = new MetricSums();
  private readonly kept: RowPair[] = [];
  private readonly right: number[] = []; // tokens of the rows before those that were kept
  private rows = 0;
  private nKv: number | undefined; // the most of any piece, where it is scores
  private problem: string | undefined;
  missingIn: Side | undefined;
  /** How many rows of it a side does not have that the other has; none where that is refused. */
  readonly missingRows: Record<Side, number> = { candidate: 0, reference: 0 };
  /** When the candidate evaluated it; undefined where it did not. */
  candidateOrder: number | undefined;

  readonly at: Omit<Tensor, 'positions' | 'values'>;

  constructor(
    { order, step, layer, stage, width }: Tensor,
    private readonly graph: Graph,
    private readonly rules: StageRules,
  ) {
    this.at = { order, step, layer, stage, width };
  }

  /**
   * Adds what the two sides have of it.
   *
   * @param keep how to judge whether the values are worth a closer look; without it none are kept
   * @returns the rows that were compared, and the bytes that were kept of them
   */
  add(candidate: Tensor | undefined, reference: Tensor | undefined, keep?: Yardstick): Added {
    if (candidate) this.candidateOrder ??= candidate.order;
    if (!candidate || !reference) {
      this.missingIn = candidate ? 'reference' : 'candidate';
      if (this.rules.isStrict) this.refuse(`missing in the ${this.missingIn}`);
      else this.missingRows[this.missingIn] += (candidate ?? reference)?.positions.length ?? 0;
      return { rows: [], kept: 0 };
    }
    const rows = this.pairs(candidate, reference);
    this.rows += rows.length;
    const { columns } = reference;
    for (const { token, ...pair } of rows) {
      this.sums.add(pair.candidate, pair.reference, token, this.hidden(token, pair.reference), columns);
    }
    // In a few columns nothing is to be located.
    if (!keep || columns) return { rows, kept: 0 };
    if (!this.isWrong(keep)) {
      for (const { token } of rows) this.right.push(token);
      return { rows, kept: 0 };
    }
    this.kept.push(...rows);
    return { rows, kept: candidate.values.byteLength + reference.values.byteLength };
  }

  /** The rows of both sides, of the same width. Scores may have been taken over more positions on one side. */
  private pairs(candidate: Tensor, reference: Tensor): RowPair[] {
    const { stage } = this.at;
    const heads = this.graph.headsOf(stage) ?? 0;
    const areScores = this.graph.isScores(stage) && reference.width % heads === 0 && candidate.width % heads === 0;
    if (candidate.width !== reference.width && !areScores) {
      this.refuse(`the candidate's rows have ${candidate.width} values, the reference's ${reference.width}`);
      return [];
    }
    const nKv = Math.min(candidate.width, reference.width) / heads;
    if (areScores) this.nKv = Math.max(nKv, this.nKv ?? 0);
    const cut = (row: Float32Array) => (areScores ? firstPositions(row, heads, nKv) : row);
    const pairs: RowPair[] = [];
    for (const [row, token] of reference.positions.entries()) {
      const pair = { candidate: cut(rowOf(candidate, row)), reference: cut(rowOf(reference, row)) };
      if (!pair.candidate || !pair.reference) {
        this.refuse(`one side has scores past the ${nKv} positions of the other`);
        return [];
      }
      pairs.push({ token, candidate: pair.candidate, reference: pair.reference });
    }
    return pairs;
  }

  /** Whether both sides have some of it. */
  get isShared(): boolean {
    return this.missingIn === undefined || this.rows > 0 || this.problem !== undefined;
  }

  /** Says why it cannot be compared; the first reason stays. */
  refuse(problem: string): void {
    this.problem ??= problem;
  }

  /** Where the mask of a reference's row of `kq` hides; without the heads a row does not tell, and every NaN may be a mask. */
  private hidden(token: number, row: Float32Array): ((index: number) => boolean) | undefined {
    if (this.at.stage !== 'kq') return undefined;
    if (this.nKv === undefined) return () => true;
    const nKv = row.length / (this.graph.headsOf('kq') ?? 1);
    const hasWindows = this.graph.isOfModel; // a Llama's has none
    return (index) => {
      const at = index % nKv;
      return at > token || (hasWindows && at < beforeWindow(row, index - at, token));
    };
  }

  private isWrong({ rule, floor }: Yardstick): boolean {
    return this.sums.metrics().firstNonFinite !== null || !(ofLimits(deltasOf(this.sums), limitOf(floor, rule)) <= 1);
  }

  result({ rule, floor }: Yardstick): StageResult {
    const { order, step, layer, stage, width } = this.at;
    const metrics = this.sums.metrics();
    const limits = limitOf(floor, rule);
    const deltas = deltasOf(this.sums);
    const { rows } = this.sums;
    const worstRow = rows.reduce<StageResult['worstRow']>((a, b) => (a && a.rel >= b.rel ? a : b), null);
    const over = (limit: number) => rows.find((row) => !(row.rel <= limit))?.token;
    const wrongValue = deltas.value <= limits.value ? undefined : metrics.worst?.token;
    const base = {
      order,
      step,
      layer,
      stage,
      shape: [this.rows, width] as const,
      ...metrics,
      floor: floor?.rel ?? null,
      limit: limits.rel,
      limits,
      ofLimit: metrics.firstNonFinite ? Number.POSITIVE_INFINITY : ofLimits(deltas, limits),
      local: null,
      inherits: null,
      token:
        metrics.firstNonFinite?.token ?? over(limits.row) ?? wrongValue ?? over(limits.rel) ?? worstRow?.token ?? null,
      worstRow,
      where: null,
    };
    if (this.problem) return { ...base, verdict: 'incomparable', reason: this.problem };
    if (metrics.count === 0) return { ...base, verdict: 'incomparable', reason: 'it has no values to compare' };
    if (metrics.firstNonFinite && this.sums.isSharedNan && !(ofLimits(deltas, limits) > 1)) {
      return { ...base, verdict: 'incomparable', reason: sharedNan(metrics) };
    }
    const told = (index: number) => this.indexInWords(index);
    const reason = metrics.firstNonFinite ? nonFinite(metrics, told) : wrongPart(base, deltas, told);
    if (reason === undefined && metrics.rel <= limits.rel) return { ...base, verdict: 'agree' };
    return { ...base, verdict: 'diverged', ...(reason === undefined ? {} : { reason }) };
  }

  /** A place in a row as the candidate counts it. */
  private indexInWords(index: number): string {
    const dim = this.at.width / (this.graph.headsOf(this.at.stage) ?? 1);
    if (!this.rules.isHalfSplit) return `index ${index}`;
    return `index ${index - (index % dim) + inHalves(index % dim, dim)} (${IN_HALVES})`;
  }

  /** Where inside the stage it is wrong; null where its values were not kept. */
  where({ rule, floor }: Yardstick): Where | null {
    if (this.kept.length === 0) return null;
    const { stage } = this.at;
    const { right, nKv } = this;
    // Passes before the last one had fewer positions.
    const heads = this.graph.headsOf(stage);
    const fill = stage === 'kq' ? Number.NaN : 0;
    const wide = (row: Float32Array) => (nKv === undefined ? row : withPositions(row, heads ?? 1, nKv, fill));
    const rows = this.kept.map(({ token, candidate, reference }) => {
      return { token, candidate: wide(candidate), reference: wide(reference) };
    });
    const { isHalfSplit } = this.rules;
    return locate(rows, { limit: limitOf(floor, rule).rel, heads, stage, right, isHalfSplit });
  }
}

function ofLimits(deltas: Floor, limits: Floor): number {
  const share = (delta: number, limit: number) => (delta === 0 ? 0 : delta / limit);
  return Math.max(share(deltas.rel, limits.rel), share(deltas.row, limits.row), share(deltas.value, limits.value));
}

/** A stage that is right as a whole may have a wrong row, or a wrong value. */
function wrongPart(
  { worstRow, worst, maxAbs, limits }: Pick<StageResult, 'worstRow' | 'worst' | 'maxAbs' | 'limits'>,
  deltas: Floor,
  indexInWords: (index: number) => string,
): string | undefined {
  if (!(deltas.rel <= limits.rel)) return undefined;
  if (worstRow && !(deltas.row <= limits.row)) {
    return `the row of token ${worstRow.token} alone has a relative RMS delta of ${worstRow.rel.toExponential(1)}, the limit of one row is ${showLimit(limits.row)}`;
  }
  if (worst && !(deltas.value <= limits.value)) {
    return `a single value, at token ${worst.token}, ${indexInWords(worst.index)}, is off by ${maxAbs.toExponential(1)}, which is ${deltas.value.toExponential(1)} of the stage's RMS; the limit is ${showLimit(limits.value)}`;
  }
  return undefined;
}

/** What both sides make alike comes from what both were given. */
function sharedNan({ nan, firstNonFinite }: Pick<StageResult, 'nan' | 'firstNonFinite'>): string {
  const count = nan.reference === 1 ? 'one value that is' : `the same ${nan.reference} values that are`;
  return `both sides have ${count} NaN, the first at token ${firstNonFinite?.token}, index ${firstNonFinite?.index}: the model's weights make that, not an engine (probe weights --model names those that have NaN or infinities themselves)`;
}

function nonFinite(
  { nan, inf, firstNonFinite }: Pick<StageResult, 'nan' | 'inf' | 'firstNonFinite'>,
  indexInWords: (index: number) => string,
): string {
  const side = (name: string, nans: number, infs: number) => `${name} has ${nans} NaN and ${infs} Inf`;
  return (
    `${side('the candidate', nan.candidate, inf.candidate)}, ${side('the reference', nan.reference, inf.reference)}; ` +
    `the first is at token ${firstNonFinite?.token}, ${indexInWords(firstNonFinite?.index ?? 0)}`
  );
}

/** How many positions of a head's scores a window hides: those from the first on that are NaN, unless the token's own is. */
function beforeWindow(row: Float32Array, head: number, token: number): number {
  let hidden = 0;
  while (hidden <= token && Number.isNaN(row[head + hidden])) hidden++;
  return hidden > token ? 0 : hidden;
}
