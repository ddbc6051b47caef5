import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NodeOperation, type Place, placeKey, type Tensor } from '@llama-probe/dump';
import { writeWhole } from '@llama-probe/dump/files';
import { QuantizeError } from './errors.js';
import { contentHash, guarded } from './model/cache.js';
import { cacheDirectory } from './model/cache-room.js';
import type { Importances } from './model/imatrix.js';
import { openReference, type Reference } from './reference.js';

/** As long as those of llama-imatrix, without a word from its user. */
const CHUNK = 512;

/**
 * Measures on a text how important each column of a model's matrices is, as llama-imatrix does: the mean square of what it is multiplied with; of
 * an expert, for the tokens that go through it. It is measured once for each text and model.
 *
 * @returns a file that `--imatrix` takes, in the cache
 * @throws QuantizeError `imatrix-text` where the text has no tokens, or nothing of it reaches a matrix; what llama.cpp throws
 */
export async function importancesOfText({
  model,
  text: path,
  signal,
  onProgress,
}: {
  model: string;
  text: string;
  signal?: AbortSignal | undefined;
  onProgress?: ((message: string) => void) | undefined;
}): Promise<string> {
  const text = textOf(path);
  const reference = await openReference({ model, mode: 'native', signal, onProgress });
  try {
    const of = [await contentHash(model, signal, onProgress), text, reference.info.version];
    const name = createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 32);
    const folder = join(cacheDirectory(), 'imatrix');
    const file = join(folder, `${name}.dat`);
    if (existsSync(file)) return file;
    const chunks = await chunksOf(reference, text, path);
    const sums = new Sums(await reference.operations({ tokens: chunks[0] as number[] }));
    for (const [i, tokens] of chunks.entries()) {
      onProgress?.(`measuring importances on ${path}: ${i + 1} of ${chunks.length}`);
      const { tensors, result } = reference.run({ tokens, stages: sums.stages });
      const rows = new Map<string, Tensor>();
      for await (const tensor of tensors) rows.set(placeKey(tensor), { ...tensor, values: tensor.values.slice() });
      await result;
      sums.add(rows);
    }
    const importances = sums.importances();
    if (importances.size === 0)
      throw problem(path, 'no matrix of the model is multiplied with a stage that can be seen');
    await guarded(folder, async () => writeWhole(file, datOf(importances)));
    return file;
  } finally {
    await reference.close();
  }
}

const problem = (path: string, what: string): QuantizeError =>
  new QuantizeError(
    'imatrix-text',
    `--imatrix: ${path}: ${what}. Give a longer text, or what llama-imatrix has written.`,
  );

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`;
    throw new QuantizeError(
      'imatrix-not-found',
      `--imatrix: ${path}: ${what}. Give a text, or what llama-imatrix has written.`,
      {
        cause,
      },
    );
  }
}

/** Each begins as a text does; what is left of the last one is left out, unless it is the only one. */
async function chunksOf(reference: Reference, text: string, path: string): Promise<number[][]> {
  const begin = await reference.tokenize('');
  const ids = await reference.tokenize(text, { addSpecial: false, parseSpecial: false });
  const length = Math.min(CHUNK, reference.info.model.trainedContext) - begin.length;
  if (ids.length === 0 || length < 1) throw problem(path, 'the text has no tokens');
  const count = Math.max(1, Math.floor(ids.length / length));
  return Array.from({ length: count }, (_, i) => [...begin, ...ids.slice(i * length, (i + 1) * length)]);
}

/** A matrix, and where what it is multiplied with is seen. */
interface Product {
  readonly weight: string;
  readonly columns: number;
  readonly experts: number;
  readonly input: Place;
  /** Which experts each token goes through. */
  readonly chosen: Place | undefined;
}

/** Squares of what each matrix is multiplied with, by column. */
class Sums {
  private readonly products: readonly Product[];
  private readonly sums = new Map<string, { readonly squares: Float64Array; readonly rows: Float64Array }>();

  constructor(nodes: readonly NodeOperation[]) {
    this.products = nodes.flatMap((node) => productOf(node, nodes));
  }

  /** What has to be captured. */
  get stages(): string[] {
    return [
      ...new Set(this.products.flatMap(({ input, chosen }) => [input, chosen ?? input]).map(({ stage }) => stage)),
    ];
  }

  add(rows: ReadonlyMap<string, Tensor>): void {
    const at = (place: Place) => rows.get(placeKey(place));
    for (const { weight, columns, experts, input, chosen } of this.products) {
      const [x, ids] = [at(input), chosen && at(chosen)];
      if (!x || (chosen && !ids)) continue;
      const sum = this.sums.get(weight) ?? {
        squares: new Float64Array(columns * experts),
        rows: new Float64Array(experts),
      };
      this.sums.set(weight, sum);
      const each = x.width / columns; // rows of a token: one, or one for each expert that it goes through
      for (let token = 0; token < x.positions.length; token++) {
        const through = ids ? ids.values.subarray(token * ids.width, (token + 1) * ids.width) : [0];
        for (const [slot, expert] of through.entries()) {
          const from = (token * each + (each > 1 ? slot : 0)) * columns;
          sum.rows[expert] = (sum.rows[expert] as number) + 1;
          for (let i = 0; i < columns; i++) {
            const to = expert * columns + i;
            sum.squares[to] = (sum.squares[to] as number) + (x.values[from + i] as number) ** 2;
          }
        }
      }
    }
  }

  /** Of an expert that no token went through all columns are alike, as with llama-imatrix. */
  importances(): Importances {
    return new Map(
      [...this.sums].map(([weight, { squares, rows }]) => {
        const columns = squares.length / rows.length;
        const mean = (sum: number, i: number) => {
          const count = rows[Math.floor(i / columns)] as number;
          return count > 0 ? sum / count : 1;
        };
        return [weight, Float32Array.from(squares, mean)];
      }),
    );
  }
}

/** A product of a block's matrix with a stage; nothing for other nodes. llama-imatrix leaves out the embedding and the head, too. */
function productOf({ op, inputs }: NodeOperation, nodes: readonly NodeOperation[]): Product[] {
  const [matrix, x, ids] = inputs;
  if ((op !== 'MUL_MAT' && op !== 'MUL_MAT_ID') || !matrix || !('weight' in matrix)) return [];
  if (!matrix.weight.startsWith('blk.')) return [];
  const [columns = 1, , experts = 1] = matrix.shape;
  const input = placeOf(x, nodes);
  const chosen = op === 'MUL_MAT_ID' ? placeOf(ids, nodes) : undefined;
  if (!input || (op === 'MUL_MAT_ID' && !chosen)) return [];
  return [{ weight: matrix.weight, columns, experts, input, chosen }];
}

/** The stage whose rows an input has, under whatever shape. */
function placeOf(
  input: NodeOperation['inputs'][number] | undefined,
  nodes: readonly NodeOperation[],
): Place | undefined {
  const node = input && 'node' in input ? nodes[input.node] : undefined;
  if (!node) return undefined;
  return node.place ?? (node.op === 'RESHAPE' ? placeOf(node.inputs[0], nodes) : undefined);
}

/** The older format of llama-imatrix: a count of entries; of each its name, how often it was summed, and its sums. */
function datOf(importances: Importances): Buffer {
  const int = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return bytes;
  };
  const entries = [...importances].flatMap(([name, values]) => [
    int(Buffer.byteLength(name)),
    Buffer.from(name),
    int(1),
    int(values.length),
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  ]);
  return Buffer.concat([int(importances.size), ...entries]);
}
