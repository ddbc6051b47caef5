import { count, short, valueText } from '../format.js';
import { Table } from './table.js';

interface WorstProps {
  /** (n, 4): token, index, candidate, reference. */
  readonly worst: Float32Array;
  readonly heads: number | undefined;
  readonly width: number;
}

/** Where an index lies. @example inHead(70, 8, 256) === 'head 2, 6' */
export function inHead(index: number, heads: number | undefined, width: number): string {
  if (!heads || heads < 2 || width % heads !== 0) return '';
  const size = width / heads;
  return `head ${Math.floor(index / size)}, ${index % size}`;
}

/** The values that are furthest apart. */
export function Worst({ worst, heads, width }: WorstProps) {
  const rows = Array.from({ length: worst.length / 4 }, (_, i) => worst.subarray(i * 4, i * 4 + 4));
  const hasHeads = heads !== undefined && heads > 1;
  if (rows.length === 0) return null;
  return (
    <figure>
      <figcaption>The {count(rows.length, 'value')} with the largest deltas</figcaption>
      <Table
        label="The worst values"
        columns={['#token', '#index', ...(hasHeads ? ['in'] : []), '#candidate', '#reference', '#Δ']}
      >
        {rows.map(([token = 0, index = 0, candidate = 0, reference = 0]) => (
          <tr key={`${token}/${index}`}>
            <td class="number">{token}</td>
            <td class="number">{index}</td>
            {hasHeads && <td class="nowrap">{inHead(index, heads, width)}</td>}
            <td class="number">{valueText(candidate)}</td>
            <td class="number">{valueText(reference)}</td>
            <td class="number">{short(candidate - reference)}</td>
          </tr>
        ))}
      </Table>
    </figure>
  );
}
