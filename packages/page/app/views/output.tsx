import type { PageLogit } from '../../src/data.js';
import type { Run } from '../model.js';
import { Scroll } from './scroll.js';

const tokenText = ({ text, id }: PageLogit): string => (text === null ? String(id) : `${JSON.stringify(text)} (${id})`);

/** How likely the next token is to each side. */
export function Output({ run }: { run: Run }) {
  const { logits, reference, candidate } = run.data;
  if (!logits) return null;
  return (
    <section class="card" aria-labelledby="output">
      <h2 id="output">The next token</h2>
      <Scroll label="Highest logits">
        <table class="logits">
          <caption>The next token after the prompt, highest logits first</caption>
          <thead>
            <tr>
              <th scope="col" class="number">
                rank
              </th>
              <th scope="col">{reference}</th>
              <th scope="col" class="number">
                logit
              </th>
              <th scope="col">{candidate}</th>
              <th scope="col" class="number">
                logit
              </th>
            </tr>
          </thead>
          <tbody>
            {logits.reference.map((theirs, i) => {
              const ours = logits.candidate[i];
              return (
                <tr key={theirs.id}>
                  <th scope="row" class="number">
                    {i + 1}
                  </th>
                  <td>{tokenText(theirs)}</td>
                  <td class="number">{theirs.logit}</td>
                  <td>
                    {ours && tokenText(ours)}
                    {ours && ours.id !== theirs.id && <span class="other"> ≠</span>}
                  </td>
                  <td class="number">{ours?.logit}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      <p class="quiet">KL divergence of the next token: {logits.klDivergence} nats.</p>
    </section>
  );
}
