import { createHash } from 'node:crypto';
import type { Place } from '@llama-probe/dump/stage';
import { type CaseWeight, dequantizeRow, type StageCase } from '@llama-probe/oracle';
import type { Input } from './recipe.js';
import { selected } from './selection.js';

const PLAIN: readonly string[] = ['F32', 'F16', 'BF16'];
/** What a check has of its own. */
const TAKEN = ['expected', 'yours', 'load', 'report', 'distance'];

/** The inputs of a recipe, each once. */
export class Inputs {
  readonly all: Input[] = [];
  private readonly variables = new Set(TAKEN);

  constructor(private readonly c: StageCase) {}

  /** Rows of another stage of the run. @returns its variable */
  rows({ stage, layer }: Place, rows: readonly number[], columns: readonly number[] | undefined): string {
    const values = this.c.inputs[stage];
    if (!values) throw new Error(`The case has no rows of ${stage}.`);
    const width = values.length / this.c.rows;
    const kept = columns ?? Array.from({ length: width }, (_, i) => i);
    const what = `rows of ${stage}${layer === null ? '' : ` of layer ${layer}`} as the engine had them${partOf(kept, width)}`;
    return this.add({
      name: stage,
      what,
      rows: rows.length,
      columns: kept.length,
      values: selected(values, width, { rows, columns: kept }),
    });
  }

  /** Rows of all positions so far. */
  cache({ stage, layer }: Place, values: Float64Array, positions: number): string {
    const what = `${stage}${layer === null ? '' : ` of layer ${layer}`} of all positions so far, 0 to ${positions - 1}, as the engine had them: what its KV cache should hold`;
    return this.add({ name: `${stage}.cache`, what, rows: positions, columns: values.length / positions, values });
  }

  /** Some rows of a matrix of the model, dequantised. @param columns only these of each row */
  matrix(name: string, weight: CaseWeight, rows: readonly number[], columns?: readonly number[]): string {
    const bytes = weight.bytes.length / weight.rows;
    const blocks = rows.map((row) => weight.bytes.subarray(row * bytes, (row + 1) * bytes));
    const kept = columns ?? Array.from({ length: weight.columns }, (_, i) => i);
    const values = new Float64Array(rows.length * kept.length);
    blocks.forEach((block, i) => {
      const row = dequantizeRow(weight.type, block, weight.columns);
      kept.forEach((column, j) => {
        values[i * kept.length + j] = row[column] as number;
      });
    });
    return this.add({
      name,
      what: `${rows.length} of the ${weight.rows} rows of the weight, dequantised${partOf(kept, weight.columns)}`,
      rows: rows.length,
      columns: kept.length,
      values,
      weight: {
        ...about(name, weight),
        rows,
        ...(PLAIN.includes(weight.type) ? {} : { blocks: Buffer.concat(blocks) }),
      },
    });
  }

  /** Some values of a vector of the model, such as a norm's weight. */
  vector(name: string, weight: CaseWeight, columns?: readonly number[]): string {
    const whole = dequantizeRow(weight.type, weight.bytes, weight.rows * weight.columns);
    const kept = columns ?? Array.from(whole, (_, i) => i);
    const what = `the weight, dequantised${partOf(kept, whole.length)}`;
    const values = Float64Array.from(kept, (column) => whole[column] as number);
    return this.add({ name, what, rows: 1, columns: kept.length, values, weight: about(name, weight) });
  }

  /** A name that nothing else has. @example free('q_proj') */
  free(name: string): string {
    const plain = name.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
    let found = plain;
    for (let i = 2; this.variables.has(found); i++) found = `${plain}_${i}`;
    this.variables.add(found);
    return found;
  }

  private add(given: Omit<Input, 'variable'>): string {
    const known = this.all.find(({ name, what }) => name === given.name && what === given.what);
    if (known) return known.variable;
    const variable = this.free(given.name);
    const file = given.name.replaceAll(/[^A-Za-z0-9_.-]/g, '_');
    const isTaken = this.all.some(({ name }) => name === file);
    this.all.push({ ...given, name: isTaken ? `${file}.${this.all.length}` : file, variable });
    return variable;
  }
}

const about = (name: string, { type, rows, columns, bytes }: CaseWeight) => ({
  name,
  type,
  shape: [rows, columns] as const,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

/** Which columns these are, where they are not all. */
function partOf(columns: readonly number[], width: number): string {
  if (columns.length === width) return '';
  const [first = 0] = columns;
  const isRun = columns.every((column, i) => column === first + i);
  return `; of ${width} columns ${isRun && columns.length > 1 ? `${first} to ${columns.at(-1)}` : columns.join(', ')}`;
}
