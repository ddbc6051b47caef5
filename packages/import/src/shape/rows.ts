import { DumpError } from '@llama-probe/dump';
import { showShape } from '../array.js';

/** How an array's values become rows, one for each position. */
export interface Rows {
  readonly positions: Int32Array;
  readonly width: number;
  /** How many heads lie side by side in a row, where the shape says so. */
  readonly heads?: number;
  /** What had to be done; empty where the array was rows already. */
  readonly done: readonly Step[];
  arrange(values: Float32Array): Float32Array;
}

/** What is done to a shape, in the words of the note that says so. */
export type Step = keyof typeof STEPS;

export const STEPS = {
  batch: 'a batch dimension of 1 was dropped',
  headsFirst: 'heads came before tokens and were put side by side in rows',
  headsInside: 'heads were put side by side in rows',
  lastOnly: 'the last token only',
  featureMajor: 'one column a token was made one row a token',
} as const;

/** Stages whose rows are heads side by side. */
const HEADS = new Set([
  'q_proj',
  'k_proj',
  'v_proj',
  'Qcur_normed',
  'Kcur_normed',
  'q_rope',
  'k_rope',
  'kqv',
  'kqv_out',
]);
const SCORES = new Set(['kq', 'kq_soft_max']);
/** Of which an engine may have computed the last row alone. */
const RESULTS = new Set(['result_rms', 'result_norm', 'result_output']);

interface About {
  readonly path: string;
  readonly name: string;
  readonly stage: string;
  /** How many; undefined where nobody knows. */
  readonly tokens: number | undefined;
}

/**
 * How an array is rows of a stage: (tokens, width), with a batch dimension of 1 before it or not; (heads, tokens, head_dim) and (tokens, heads, head_dim)
 * for what has heads; (heads, tokens, n_kv) for scores; the last row alone for results. The number of tokens tells which.
 *
 * @throws DumpError `dump-shape` where it is none of these
 */
export function rowsOf(shape: readonly number[], about: About): Rows {
  const { stage, tokens } = about;
  const hasHeads = HEADS.has(stage) || SCORES.has(stage);
  const ranks = hasHeads ? 4 : 3;
  let dims = shape;
  const done: Step[] = [];
  // A plain row of one token may be [1, width]: only what has more dimensions than rows has a batch.
  while (dims.length > 2 && dims[0] === 1 && (dims.length > 3 || !hasHeads || dims[1] === tokens)) {
    dims = dims.slice(1);
    if (!done.includes('batch')) done.push('batch');
  }
  if (shape.length >= ranks && dims.length === shape.length && (dims[0] as number) > 1) refuseBatch(shape, about);
  const [a = 0, b = 0, c = 0] = dims;
  if (dims.length === 1 && (tokens === 1 || RESULTS.has(stage))) return lastRow(a, tokens, done);
  if (dims.length === 2) {
    if (tokens === undefined || a === tokens) return plain(a, b, done);
    if (a === 1 && RESULTS.has(stage)) return lastRow(b, tokens, done);
    if (b === tokens) return swapped(b, a, 1, [...done, 'featureMajor']);
  }
  if (dims.length === 3 && hasHeads) {
    const [first, second] = [b === tokens, a === tokens];
    if (first && second && !SCORES.has(stage) && a > 1) refuseEither(shape, about);
    if (first) return { ...swapped(b, c, a, [...done, 'headsFirst']), heads: a };
    if (second) return { ...plain(a, b * c, [...done, 'headsInside']), heads: b };
  }
  if (dims.length === 3 && !hasHeads && b === tokens) refuseBatch(shape, about);
  return refuse(shape, about, tokens === undefined ? 'it is not known how many tokens there are' : `${tokens} tokens`);
}

const counted = (rows: number, from = 0): Int32Array => Int32Array.from({ length: rows }, (_, row) => from + row);

const plain = (rows: number, width: number, done: readonly Step[]): Rows => ({
  positions: counted(rows),
  width,
  done,
  arrange: (values) => values,
});

const lastRow = (width: number, tokens = 1, done: readonly Step[] = []): Rows => ({
  positions: counted(1, tokens - 1),
  width,
  done: tokens > 1 ? [...done, 'lastOnly'] : done,
  arrange: (values) => values,
});

/** (groups, rows, inner), or with one group (inner, rows), to (rows, groups · inner). */
function swapped(rows: number, inner: number, groups: number, done: readonly Step[]): Rows {
  const isColumns = done.includes('featureMajor');
  const width = groups * inner;
  const arrange = (values: Float32Array): Float32Array => {
    const out = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++) {
      for (let group = 0; group < groups; group++) {
        const to = row * width + group * inner;
        if (isColumns) for (let i = 0; i < inner; i++) out[to + i] = values[i * rows + row] as number;
        else out.set(values.subarray((group * rows + row) * inner, (group * rows + row + 1) * inner), to);
      }
    }
    return out;
  };
  return { positions: counted(rows), width, done, arrange };
}

function refuse(shape: readonly number[], { path, name, stage }: About, why: string): never {
  const wanted = SCORES.has(stage)
    ? '[heads, tokens, n_kv]'
    : HEADS.has(stage)
      ? '[tokens, heads · head_dim] or [heads, tokens, head_dim]'
      : '[tokens, width]';
  throw new DumpError(
    'dump-shape',
    `${path}: ${name} is ${showShape(shape)}, and that is no ${stage} of ${why.startsWith('it') ? `a run: ${why}` : why}; wanted ${wanted}, or that in a batch of 1. ` +
      'Give the token ids that were run with --tokens, or dump it in this shape.',
  );
}

/** Heads or tokens first: where there are as many of the one as of the other, nothing tells. */
function refuseEither(shape: readonly number[], { path, name, tokens }: About): never {
  const what = `${name} is ${showShape(shape)}, and of ${tokens} tokens and as many heads nothing tells which come first`;
  throw new DumpError(
    'dump-shape',
    `${path}: ${what}. Run another number of tokens, or dump it as [tokens, heads · head_dim].`,
  );
}

function refuseBatch(shape: readonly number[], { path, name }: About): never {
  const what = `${name} is ${showShape(shape)}, a batch of ${shape[0]}`;
  throw new DumpError(
    'dump-shape',
    `${path}: ${what}; wanted one sequence. Dump a batch of 1, or slice it before saving.`,
  );
}
