import type { PageCause } from '../../src/data.js';
import { short } from '../format.js';
import { Prose } from './prose.js';
import { Scroll } from './scroll.js';

const WORDS = { confirmed: 'Cause, confirmed', likely: 'Likely cause', unknown: 'Cause unknown' } as const;

interface CauseProps {
  readonly cause: PageCause;
  readonly brief?: boolean;
  /** The name, where to look and what speaks for it stand above. */
  readonly isTold?: boolean;
  /** What was tried stands elsewhere too: it is not printed twice. */
  readonly isRepeated?: boolean;
}

/** Which known bug it is, and what else was tried. */
export function Cause({ cause, brief = false, isTold = false, isRepeated = false }: CauseProps) {
  const { title, confidence, bug, text, tried, alike, hint } = cause;
  return (
    <div class={`cause ${confidence}`}>
      {!isTold && (
        <p>
          <b class="badge">{WORDS[confidence]}</b> {confidence === 'unknown' ? '' : <b>{title}.</b>}{' '}
          <Prose text={text} />
        </p>
      )}
      {bug && !brief && <p>{bug.changes}</p>}
      {bug && !isTold && (
        <p>
          <b>Where to look:</b> {bug.look} {bug.parameters && <span class="parameters">{bug.parameters}</span>}
        </p>
      )}
      {!isTold && alike.length > 0 && <p>These inputs cannot tell it from {alike.join(', ')}.</p>}
      {!isTold && hint && (
        <p>
          <Prose text={hint} />
        </p>
      )}
      {!brief && tried.length > 0 && (
        <details class={isRepeated ? 'screen' : ''}>
          <summary>
            {tried.length === 1 ? 'The known bug that was tried' : `The best ${tried.length} known bugs of those tried`}
          </summary>
          <Scroll label="Known bugs that were tried">
            <table>
              <thead>
                <tr>
                  <th scope="col">known bug</th>
                  <th scope="col" class="number">
                    delta left
                  </th>
                  <th scope="col">seen in</th>
                </tr>
              </thead>
              <tbody>
                {tried.map((one) => (
                  <tr key={one.title}>
                    <th scope="row">
                      {one.title} {one.parameters && <span class="parameters">{one.parameters}</span>}
                    </th>
                    <td class="number">{short(one.after)}</td>
                    <td>{one.source}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
          <p class="quiet">
            Each is recomputed from the stage's own inputs. What it leaves of a delta of {short(tried[0]?.before ?? 0)}{' '}
            says how well it explains the numbers.
          </p>
        </details>
      )}
    </div>
  );
}
