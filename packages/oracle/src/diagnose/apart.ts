import { isSeen } from '../attention.js';
import type { StageCase } from '../case.js';
import { computeStage } from '../compute.js';
import { onTheWay } from '../graph/on-the-way.js';
import { type Operation, operationAt, type StageOperation } from '../stage-operations.js';
import { distance, inLimits, type Limits } from './distance.js';
import { isProduct } from './sample.js';
import type { Form } from './trial.js';

/** Another run of the same model, in which two bugs may differ that compute the same rows in this one. */
interface Run {
  readonly name: string;
  readonly rows: number;
  readonly firstPosition: number;
}

const RUNS: readonly Run[] = [
  { name: 'a prompt of 8 tokens', rows: 8, firstPosition: 0 },
  { name: 'a decode step after 40 tokens', rows: 1, firstPosition: 40 },
  { name: 'a prompt of 1000 tokens', rows: 4, firstPosition: 996 },
  { name: 'a decode step after 1000 tokens', rows: 1, firstPosition: 1000 },
];
const isDecoded = ({ rows, firstPosition }: Pick<Run, 'rows' | 'firstPosition'>): boolean =>
  rows === 1 && firstPosition > 0;

const COLUMNS = 64; // of a product; all of anything else

/**
 * The first of a few runs in which two bugs compute different rows. Both are computed from made-up inputs; undefined if they agree in
 * all of those runs. Of a decoded row other decode steps come first: a prompt may be right.
 *
 * @param width of the stage's rows
 * @example runThatTells(missing, restarted, decodeStep, 2048, { rel: 1e-5, row: 4e-5, value: 1e-3 }) // 'a decode step after 40 tokens'
 */
export function runThatTells(a: Form, b: Form, c: StageCase, width: number, limits: Limits): string | undefined {
  const columns = isProduct(c) ? spread(width) : undefined;
  const differs = (run: Run): boolean => {
    const other = madeUp(c, run);
    const ofA = computeStage(other, a.again(other), columns);
    const ofB = computeStage(other, b.again(other), columns);
    const hidden = Uint8Array.from(ofA, (value, i) => (Number.isNaN(value) && Number.isNaN(ofB[i] as number) ? 1 : 0));
    return inLimits(distance(ofA, ofB, ofA.length / run.rows, hidden), limits) > 1;
  };
  const isAlike = (run: Run) => isDecoded(run) === isDecoded(c);
  return (RUNS.filter((run) => isDecoded(c) && isAlike(run)).find(differs) ?? RUNS.find(differs))?.name;
}

const spread = (width: number): Int32Array =>
  Int32Array.from({ length: Math.min(COLUMNS, width) }, (_, i) => Math.floor((i * width) / Math.min(COLUMNS, width)));

/** The same stage in another run. Every input is filled with values of this run's input, in another order. */
function madeUp(c: StageCase, { rows, firstPosition }: Run): StageCase {
  const a = { ...c.model.config, firstPosition };
  const nKv = firstPosition + rows;
  const inputs: Record<string, Float64Array> = {};
  for (const [name, values] of Object.entries(c.inputs)) {
    const op = operationOfInput(c, name);
    const isScores = op === 'scores' || op === 'soft-max';
    const width = isScores ? a.headCount * nKv : values.length / c.rows;
    const mixed = mix(values, rows * width);
    const isHidden = (i: number) => isScores && !isSeen(Math.floor(i / width), i % nKv, a);
    inputs[name] = mixed.map((value, i) => (isHidden(i) ? (op === 'scores' ? Number.NaN : 0) : value));
  }
  const vocabulary = c.model.weight('token_embd.weight')?.rows ?? 1;
  const tokens = Array.from({ length: nKv }, (_, i) => ((c.tokens[0] ?? 0) + 31 * i) % vocabulary);
  const cache = c.cache && mix(c.cache, (c.cache.length / (c.firstPosition + c.rows)) * nKv);
  return { ...c, rows, firstPosition, tokens, inputs, ...(cache ? { cache } : {}) };
}

/** What is computed at a stage that the case reads. */
function operationOfInput(c: StageCase, stage: string): Operation | undefined {
  if (!c.operation) return operationAt({ stage, layer: c.layer }, c.model.layers).op;
  if (c.operation.scores?.stage === stage) return 'scores';
  const isWeighedBy = ({ op, inputs: [weights] }: StageOperation) => op === 'values' && weights?.stage === stage;
  return [...onTheWay(c.operation)].some(isWeighedBy) ? 'soft-max' : undefined;
}

/** As many numbers as asked for, taken from the values in a scattered order. */
function mix(values: Float64Array, length: number): Float64Array {
  const numbers = values.filter((value) => Number.isFinite(value));
  if (numbers.length === 0) return new Float64Array(length);
  const at = (i: number) => (Math.imul(i + 1, 0x9e3779b1) >>> 0) % numbers.length;
  return Float64Array.from({ length }, (_, i) => numbers[at(i)] as number);
}
