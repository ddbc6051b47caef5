import { limitText, localText, stepName, times } from '../format.js';
import { deltaOf, placeOf, type Run, shareOf, stepOf } from '../model.js';
import { VERDICTS } from '../states.js';
import { Cause } from './cause.js';
import { Chip } from './chip.js';
import { Prose } from './prose.js';
import { Said } from './said.js';

interface VerdictProps {
  readonly run: Run;
  readonly onVisit: (at: number) => void;
}

/** What is wrong, where to look and what both sides say; then in a sentence where it begins. */
export function VerdictHeader({ run, onVisit }: VerdictProps) {
  const { verdict, reason, headline, culprits, notes, remarks } = run.data;
  const { glyph, words } = VERDICTS[verdict];
  return (
    <section class={`card verdict says-${verdict}`} aria-labelledby="verdict">
      <div class="headline">
        <h1 id="verdict">
          <i class={`sign verdict-${verdict}`} aria-hidden="true">
            {glyph}
          </i>
          {headline ?? words}
        </h1>
        {culprits.map(({ name, look, sure }) => (
          <div key={name} class="culprit">
            {culprits.length > 1 && (
              <p>
                <b>{name}</b>
              </p>
            )}
            <p>
              <b>Where to look:</b> {look}
            </p>
            <p>
              <b>How sure:</b> <Prose text={sure} />
            </p>
          </div>
        ))}
        <Said run={run} />
        <p class="reason">
          <Prose text={reason} />
        </p>
        {notes.length > 0 && (
          <ul class="notes">
            {notes.map(({ level, text, at }) => (
              <li key={text} class={level}>
                <b>{level}</b> <Prose text={text} /> {at !== null && <Chip run={run} at={at} onOpen={onVisit} />}
              </li>
            ))}
          </ul>
        )}
        {remarks.map((text) => (
          <p key={text} class="remark">
            <Prose text={text} />
          </p>
        ))}
      </div>
      <First run={run} onVisit={onVisit} />
    </section>
  );
}

function First({ run, onVisit }: VerdictProps) {
  const { first } = run.data;
  if (!first) return null;
  const { stage, layer } = placeOf(run, first.at);
  const fault = run.faultOf.get(first.at);
  const pass = fault ? 'blame' : 'free';
  const delta = fault ? fault.local : deltaOf(run, first.at, 'free');
  const limit = fault?.limit ?? run.limit[first.at] ?? Number.NaN;
  return (
    <div class="first">
      <h2>First wrong stage</h2>
      <dl class="facts">
        <div>
          <dt>stage</dt>
          <dd>
            <Chip run={run} at={first.at} text={stage} onOpen={onVisit} />
          </dd>
        </div>
        {layer !== null && (
          <div>
            <dt>layer</dt>
            <dd>{layer}</dd>
          </div>
        )}
        <div>
          <dt>step</dt>
          <dd>{stepName(stepOf(run, first.at))}</dd>
        </div>
        {first.token !== null && (
          <div>
            <dt>from token</dt>
            <dd>{first.token}</dd>
          </div>
        )}
        <div>
          <dt>{fault ? 'local delta' : 'relative delta'}</dt>
          <dd>{localText(delta)}</dd>
        </div>
        <div>
          <dt>limit</dt>
          <dd>{limitText(limit)}</dd>
        </div>
        <div>
          <dt>of the limit</dt>
          <dd>{times(shareOf(run, first.at, pass))}</dd>
        </div>
      </dl>
      {first.where && (
        <p>
          <b>Where:</b> <Prose text={first.where} />.
        </p>
      )}
      {first.cause && <Cause cause={first.cause} isTold />}
    </div>
  );
}
