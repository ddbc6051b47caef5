import type { StageCase } from '../catalogue/case.js';
import { computeStage } from '../catalogue/compute.js';
import { distance, inLimits } from './distance.js';
import type { Suspect } from './suspect.js';

/** Another run of the same model that may show what this one does not. */
interface Run {
  readonly name: string;
  readonly rows: number;
  readonly firstPosition: number;
}

const RUNS: readonly Run[] = [
  { name: 'a prompt of 8 tokens', rows: 8, firstPosition: 0 },
  { name: 'a decode step after 40 tokens', rows: 1, firstPosition: 40 },
  { name: 'a prompt of 1000 tokens', rows: 4, firstPosition: 996 },
];

const MOST_COLUMNS = 64;

/**
 * The first run in which two bugs compute different rows, found by computing both from made-up inputs; undefined where they agree in
 * all of them.
 */
export function runThatTells(a: Suspect, b: Suspect, c: StageCase, limit: number): string | undefined {
  return RUNS.find((run) => {
    const other = madeUp(c, run);
    const compute = (suspect: Suspect) => {
      const rows = computeStage(other, suspect.again(other), columnsOf(c));
      return { rows, width: rows.length / run.rows };
    };
    const [ofA, ofB] = [compute(a), compute(b)];
    return inLimits(distance(ofA.rows, ofB.rows, ofB.width, bothNaN(ofA.rows, ofB.rows)), limit) > 1;
  })?.name;
}

// All stages but the large products and the head are narrow enough to be compared as a whole.
function columnsOf({ stage, model: { config } }: StageCase): Int32Array | undefined {
  const isWide = stage === 'result_output' || stage.startsWith('ffn_') || stage.endsWith('_proj') || stage === 'attn_out';
  const width = config.headCountKv * config.headDim; // of the narrowest of these
  return isWide ? Int32Array.from({ length: Math.min(MOST_COLUMNS, width) }, (_, i) => i) : undefined;
}
