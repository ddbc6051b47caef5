import { describe, type Run } from '../model.js';
import { VERDICTS } from '../states.js';
import { Prose } from './prose.js';
import { Scroll } from './scroll.js';

interface RunListProps {
  readonly runs: readonly Run[];
  readonly shown: number;
  readonly onShow: (at: number) => void;
}

/** Every run of a gate, worst first in the eye: what came of it, and a way to it. */
export function RunList({ runs, shown, onShow }: RunListProps) {
  const wrong = runs.filter(({ data }) => data.verdict !== 'agree').length;
  return (
    <section class="card runs" aria-labelledby="runs">
      <h2 id="runs">
        {runs.length} runs, {wrong === 0 ? 'all agree' : `${wrong} of them do not agree`}
      </h2>
      <Scroll label="Runs">
        <table>
          <thead>
            <tr>
              <th scope="col">run</th>
              <th scope="col">verdict</th>
              <th scope="col">first wrong stage</th>
              <th scope="col">in one sentence</th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run, i) => (
              <tr key={run.data.name} class={i === shown ? 'shown' : ''}>
                <th scope="row">
                  <button type="button" class="link" aria-pressed={i === shown} onClick={() => onShow(i)}>
                    {run.data.name}
                  </button>
                </th>
                <td class="nowrap">
                  <i class={`sign verdict-${run.data.verdict}`} aria-hidden="true">
                    {VERDICTS[run.data.verdict].glyph}
                  </i>
                  {run.data.verdict}
                </td>
                <td>{run.data.first ? describe(run, run.data.first.at) : ''}</td>
                <td>
                  <Prose text={run.data.reason} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
