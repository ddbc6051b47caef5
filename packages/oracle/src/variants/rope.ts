import { type CaseModel, caseOf, inputOf, operationOf, rowsOf, type StageCase } from '../case.js';
import { type HeadNorm, headNormOf } from '../graph/on-the-way.js';
import { mapRows } from '../operations.js';
import { type Rotation, ropeAngle, ropeMagnitude } from '../rope.js';
import { firstOf, type Sections, sectionOf, TEXT_HAS } from '../sections.js';
import type { StageOperation } from '../stage-operations.js';
import type { RopeVariation, Variation } from '../variation.js';
import { computeNorm, computeNormWeight } from './norm.js';
import { vectorOf } from './weight.js';

/**
 * q_rope, k_rope: each pair (x₀, x₁), (x₂, x₃), … of every head turned by position · base^(−2·pair / headDim) · scale / factor. Where
 * a token has several positions, a pair is turned by one of them.
 *
 * @returns (rows, heads · headDim)
 * Source: Su et al. 2021, "RoFormer", arXiv:2104.09864, equation 34; scale: Chen et al. 2023, arXiv:2306.15595.
 * @example computeRope(c, { rope: { pairs: 'halves' } }) // pairs (x₀, x_half), …
 */
export function computeRope(c: StageCase, v: Variation): Float64Array {
  if (v.rope?.norm) return normedAfter(c, v);
  const x = inputOf(c, 0);
  return turned(x, x.length / c.rows, c.firstPosition, c.model, v.rope);
}

/** First turned, and then divided by its root mean square and multiplied by the weight of its norm. */
function normedAfter(c: StageCase, v: Variation): Float64Array {
  const { from, rms, weight } = headNormOf(operationOf(c)) as HeadNorm;
  const x = rowsOf(c, from);
  const y = turned(x, x.length / c.rows, c.firstPosition, c.model, v.rope);
  const on = (at: StageOperation, rows: Float64Array) =>
    caseOf({ ...c, inputs: { ...c.inputs, [at.inputs[0]?.stage ?? '']: rows } }, at);
  return computeNormWeight(on(weight, computeNorm(on(rms, y), v)), v);
}

/**
 * Rows turned by their positions.
 *
 * @param x (rows, width) @param firstPosition of the first row @returns as x
 * @example turned(cache, width, 0, model, { direction: -1 }) // turned back
 */
export function turned(
  x: Float64Array,
  width: number,
  firstPosition: number,
  model: CaseModel,
  r: RopeVariation = {},
): Float64Array {
  if (r.times === 0) return x.slice();
  const span = r.across ? width : model.config.headDim;
  const dims = Math.min(r.dims ?? (r.across ? span : (model.config.ropeDims ?? span)), span);
  const end = r.heads === undefined ? width : r.heads * span;
  const turning = { pairs: model.config.ropePairs ?? 'neighbours', ...r };
  const pairs = r.dimsOf === 'pairs' ? pairsOf(span, turning).slice(0, dims / 2) : pairsOf(dims, turning);
  const rotation = rotationOf(model, r.dimsOf ? span : dims, r);
  const sign = (r.direction ?? 1) * (r.times ?? 1);
  const magnitude = r.yarn === 'no-magnitude' ? 1 : ropeMagnitude(rotation) ** (r.times ?? 1);
  const step = r.index ? dims / 2 : 0; // what the index of a frequency is further in the next head
  const indices = r.index ? (width / span) * step : dims / 2;
  return mapRows(x, width, (row, index) => {
    const position = positionOf(index, firstPosition, r);
    const angles = Array.from({ length: indices }, (_, i) => sign * angleOf(i, position, model, rotation, r));
    const y = row.slice();
    for (const { first, second, frequencies } of pairs) {
      for (let head = 0; head < end; head += span) {
        const on = (head / span) * step;
        const [alpha, beta] = [angles[on + frequencies[0]] as number, angles[on + frequencies[1]] as number];
        const [a, b] = [row[head + first] as number, row[head + second] as number];
        y[head + first] = magnitude * (a * Math.cos(alpha) - b * Math.sin(alpha));
        y[head + second] = magnitude * (a * Math.sin(beta) + b * Math.cos(beta));
      }
    }
    return y;
  });
}

/** The angle of a pair: that of its position, which may be one of several of the token. */
function angleOf(pair: number, position: number, model: CaseModel, rotation: Rotation, r: RopeVariation): number {
  const { ropeSections: right } = model.config;
  if (!right || r.sections === 'ignored') return ropeAngle(position, pair, rotation);
  const isReversed = r.sections === 'reversed';
  const sections: Sections = isReversed ? { ...right, counts: [...right.counts].reverse() } : right;
  const found = sectionOf(pair, sections);
  const section = isReversed ? sections.counts.length - 1 - found : found;
  const known = r.sections === 'first' ? 1 : r.sections === 'first-two' ? 2 : TEXT_HAS.length;
  const own = section < known && TEXT_HAS[section] ? position : 0;
  if (r.sections !== 'anew' && r.sections !== 'anew-by-section') return ropeAngle(own, pair, rotation);
  const within = (pair % right.counts.reduce((a, b) => a + b)) - firstOf(section, right.counts);
  const headDim = r.sections === 'anew' ? rotation.headDim : 2 * (right.counts[section] ?? 1);
  return ropeAngle(own, within, { ...rotation, headDim });
}

interface Pair {
  readonly first: number;
  readonly second: number;
  /** Which frequency each of the two has: the same, but for a table that is laid out for other pairs. */
  readonly frequencies: readonly [number, number];
}

function pairsOf(dims: number, { pairs, frequencies = pairs }: RopeVariation): Pair[] {
  const half = dims / 2;
  const frequency = (d: number): number => (frequencies === 'halves' ? d % half : d >> 1);
  return Array.from({ length: half }, (_, pair) => {
    const first = pairs === 'halves' ? pair : 2 * pair;
    const second = pairs === 'halves' ? pair + half : 2 * pair + 1;
    return { first, second, frequencies: [frequency(first), frequency(second)] };
  });
}

function rotationOf(model: CaseModel, dims: number, r: RopeVariation): Rotation {
  const { ropeFreqBase, ropeFreqScale, ropeYarn } = model.config;
  const isYarn = r.yarn === undefined || r.yarn === 'no-magnitude';
  const { ropeFactors = 'rope_freqs.weight' } = model.config;
  const weight = ropeFactors === null ? undefined : model.weight(ropeFactors);
  const factors = weight && r.factors !== 'missing' ? vectorOf(weight) : undefined;
  return {
    headDim: dims,
    ropeFreqBase: r.base ?? ropeFreqBase,
    ropeFreqScale: r.scale ?? (r.yarn === 'missing' ? 1 : ropeFreqScale),
    ropeYarn: isYarn ? ropeYarn : undefined,
    factors: r.factors === 'multiplied' ? factors?.map((factor) => 1 / factor) : factors,
  };
}

function positionOf(row: number, firstPosition: number, { position, offset = 0 }: RopeVariation): number {
  if (typeof position === 'number') return position + offset;
  return row + offset + (position === 'from-zero' ? 0 : firstPosition);
}
