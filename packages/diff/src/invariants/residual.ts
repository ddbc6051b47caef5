import { type Deviation, show } from './findings.js';
import { FLOOR, TOLERANCES } from './tolerances.js';

/** What is added: the half's own output, and the stream as it came in. */
export interface Term {
  readonly name: string;
  readonly row: Float32Array;
}

/**
 * A residual connection is a sum: each value is that of its two terms together.
 *
 * @param sum (n_embd) @param terms the two, (n_embd) each
 * @example residual(ffnInp, [{ name: 'attn_out', row: attnOut }, { name: 'embd', row: embd }])
 */
export function residual(sum: Float32Array, terms: readonly Term[]): Deviation | undefined {
  const [a, b] = terms.map(({ row }) => row) as [Float32Array, Float32Array];
  const size = (i: number) => Math.abs(a[i] as number) + Math.abs(b[i] as number);
  const least = FLOOR * rms(sum.length, size);
  let worst = -1;
  let by: number = TOLERANCES.residual;
  for (let i = 0; i < sum.length; i++) {
    const delta = Math.abs((sum[i] as number) - ((a[i] as number) + (b[i] as number)));
    if (delta === 0) continue;
    const off = delta / Math.max(size(i), least);
    if (off > by) {
      by = off;
      worst = i;
    }
  }
  if (worst < 0) return undefined;
  const found = sum[worst] as number;
  const wanted = (a[worst] as number) + (b[worst] as number);
  const alone = terms.findIndex(({ row }) => equals(sum, row));
  const missing = terms[1 - alone];
  const why = alone >= 0 && missing ? `: it is ${terms[alone]?.name} alone, ${missing.name} was not added` : '';
  const what = `${show(found)}, wanted ${terms.map(({ name }) => name).join(' + ')} = ${show(wanted)}${why}`;
  return { by, found, wanted, where: `index ${worst}`, what };
}

function equals(a: Float32Array, b: Float32Array): boolean {
  const delta = rms(a.length, (i) => (a[i] as number) - (b[i] as number));
  return delta <= TOLERANCES.residual * rms(b.length, (i) => b[i] as number);
}

function rms(length: number, value: (i: number) => number): number {
  let squares = 0;
  for (let i = 0; i < length; i++) squares += value(i) ** 2;
  return Math.sqrt(squares / length);
}
