import type { PageChecks } from '../../src/data.js';
import type { Run } from '../model.js';
import { Prose } from './prose.js';

/** What holds of each side by itself, what is remarkable about the numbers, and what these tokens cannot show. */
export function Observed({ run }: { run: Run }) {
  const { checks, observations, unseen, ignored } = run.data;
  const differing = observations.filter(({ differs }) => differs);
  return (
    <div class="columns">
      <section class="card" aria-labelledby="checks">
        <h2 id="checks">Each side by itself</h2>
        {checks.map((side) => (
          <SideChecks key={side.side} {...side} />
        ))}
      </section>
      {differing.length > 0 && (
        <section class="card" aria-labelledby="observed">
          <h2 id="observed">Observed</h2>
          <p class="quiet">Facts about numbers, no verdict.</p>
          <ul class="lines">
            {differing.map(({ text }) => (
              <li key={text}>
                <Prose text={text} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {(unseen.length > 0 || ignored.length > 0) && (
        <section class="card" aria-labelledby="unseen">
          <h2 id="unseen">Not seen by this run</h2>
          <ul class="lines">
            {unseen.map(([what, why]) => (
              <li key={what}>
                {what} <span class="quiet">({why})</span>
              </li>
            ))}
            {ignored.length > 0 && <li>Only one side has these, so they were not compared: {ignored.join(', ')}.</li>}
          </ul>
        </section>
      )}
    </div>
  );
}

function SideChecks({ side, broken, more, checked }: PageChecks) {
  const looked = checked.filter(([, rows]) => rows !== 'not looked at');
  const not = checked.filter(([, rows]) => rows === 'not looked at').map(([name]) => name);
  return (
    <>
      <h3>
        {side}: {broken.length === 0 ? 'everything that was checked holds' : 'this does not hold'}
      </h3>
      {broken.length > 0 && (
        <ul class="lines">
          {broken.map((text) => (
            <li key={text}>
              <Prose text={text} />
            </li>
          ))}
          {more > 0 && <li>… and {more} more.</li>}
        </ul>
      )}
      <p class="quiet">
        Checked: {looked.map(([name, rows]) => `${name} (${rows})`).join(', ') || 'nothing'}.
        {not.length > 0 && ` Not looked at: ${not.join(', ')}.`}
      </p>
    </>
  );
}
