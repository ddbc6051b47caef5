import { useMemo, useState } from 'preact/hooks';
import type { PageValues } from '../../src/data.js';
import { floatsOf } from '../../src/unpack.js';
import { limitText, short, valueText } from '../format.js';
import { ValueLines } from '../plots/value-lines.js';
import { Table } from './table.js';
import { inHead } from './worst.js';

interface ValuesProps {
  readonly parts: readonly PageValues[];
  readonly heads: number | undefined;
  /** What |Δ| of a single value may be. */
  readonly limit: number;
}

/** Parts of a wrong stage's rows, side by side. */
export function Values({ parts, heads, limit }: ValuesProps) {
  const [shown, setShown] = useState(0);
  const part = parts[shown] ?? parts[0];
  const sides = useMemo(
    () => part && { candidate: floatsOf(part.candidate), reference: floatsOf(part.reference) },
    [part],
  );
  if (!part || !sides) return null;
  const { candidate, reference } = sides;
  const title = nameOf(part, heads, candidate.length);
  return (
    <figure class="values">
      <figcaption>Values, side by side</figcaption>
      {parts.length > 1 && (
        <fieldset class="switch screen">
          <legend>Part</legend>
          {parts.map((one, i) => (
            <label key={one.token}>
              <input type="radio" name="part" checked={i === shown} onChange={() => setShown(i)} />
              <span>token {one.token}</span>
            </label>
          ))}
        </fieldset>
      )}
      <div class="sides">
        <ValueLines title={title} from={part.from} candidate={candidate} reference={reference} />
        <Table label={title} columns={['#index', '#candidate', '#reference', '#Δ']}>
          {Array.from(candidate, (a, i) => {
            const b = reference[i] ?? Number.NaN;
            return (
              <tr key={part.from + i}>
                <th scope="row" class="number">
                  {part.from + i}
                </th>
                <td class="number">{valueText(a)}</td>
                <td class="number">{valueText(b)}</td>
                <td class="number">
                  {isWrong(a, b, limit) ? '✗ ' : ''}
                  {short(a - b)}
                </td>
              </tr>
            );
          })}
        </Table>
      </div>
      <p class="quiet">
        {candidate.length} of the row's {part.width} values, around the largest delta; ✗ is{' '}
        {Number.isFinite(limit) ? `off by more than ${limitText(limit)}` : 'not finite'}.
      </p>
    </figure>
  );
}

/** The candidate is not held to what the reference hides. */
const isWrong = (a: number, b: number, limit: number): boolean =>
  !Number.isNaN(b) && !(Math.abs(a - b) <= limit) && a !== b;

function nameOf({ token, from, width }: PageValues, heads: number | undefined, length: number): string {
  const [head] = inHead(from, heads, width).split(',');
  return `Token ${token}${head ? `, ${head}` : ''}, indices ${from} to ${from + length - 1}`;
}
