import type { TensorFiles, TensorInfo } from '@llama-probe/engine';
import { type KnownReading, knownReadings, type QuantizedType } from '@llama-probe/oracle';
import { matrixOf } from '../gguf-matrix.js';
import { piecesOf, type Rows } from '../pieces.js';
import type { Matrix } from './matrix.js';
import { measure } from './measure.js';

/** A bug of dequantisation that makes of the model's bytes what the other side has. */
export interface Misreading {
  readonly id: string;
  readonly title: string;
  readonly look: string;
  readonly parameters: Readonly<Record<string, number | string>>;
  /** Others that make the same of this tensor. */
  readonly also: readonly string[];
}

/** f32 arithmetic in another order than the formula's. */
const SAME = 1e-6;
/** A tensor with so many bytes is read as a whole: where its blocks are walked in another order any byte may be anywhere. */
const MOST_BYTES = 1 << 28;
const FIRST_VALUES = 1 << 14;

/** The bug that reproduces the other side's values, all of them; undefined where none does. */
export async function misreadingOf(
  files: TensorFiles,
  tensor: TensorInfo,
  type: QuantizedType,
  theirs: Matrix,
): Promise<Misreading | undefined> {
  if (tensor.bytes > MOST_BYTES) return undefined;
  const { rows, columns } = matrixOf(tensor);
  const bytes = new Uint8Array(tensor.bytes);
  await files.read(tensor, bytes);
  const weight = { type, rows, columns, bytes };
  const few = Math.max(1, Math.min(rows, Math.floor(FIRST_VALUES / columns)));
  // In the middle: what is left out at the end of a tensor must not pass for what is right at its beginning.
  const sample = [{ firstRow: Math.floor((rows - few) / 2), rows: few }];
  const found: KnownReading[] = [];
  for (const reading of knownReadings(weight)) {
    const read = rowsOf(reading.at, columns);
    const agrees = async (pieces: readonly Rows[]) => {
      const { rel, bad } = await measure({ columns, read }, theirs, pieces);
      return bad === 0 && rel <= SAME;
    };
    if ((await agrees(sample)) && (await agrees(piecesOf(rows, columns)))) found.push(reading);
  }
  const [first, ...also] = found;
  if (!first) return undefined;
  const { id, title, look } = first.bug;
  return { id, title, look, parameters: first.parameters, also: also.map(named) };
}

const named = ({ bug, parameters }: KnownReading): string => `${bug.id} (${Object.values(parameters).join(', ')})`;

const rowsOf =
  (value: (row: number, column: number) => number, columns: number): Matrix['read'] =>
  async (firstRow, rows) => {
    const values = new Float32Array(rows * columns);
    for (let i = 0; i < values.length; i++) values[i] = value(firstRow + Math.floor(i / columns), i % columns);
    return values;
  };
