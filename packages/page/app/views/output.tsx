import type { PageLogit } from '../../src/data.js';
import type { Run } from '../model.js';
import { Scroll } from './scroll.js';

const tokenText = ({ text, id }: PageLogit): string => (text === null ? String(id) : `${JSON.stringify(text)} (${id})`);

/** What both sides say, and how likely the next token is to each. */
export function Output({ run }: { run: Run }) {
  const { said, logits, reference, candidate } = run.data;
  if (said.length === 0 && !logits) return null;
  const isSame = said[0]?.[1] === said[1]?.[1];
  return (
    <section class="card" aria-labelledby="output">
      <h2 id="output">What they say</h2>
      {said.length > 0 && (
        <dl class="said">
          {said.map(([side, text]) => (
            <div key={side}>
              <dt>{side}</dt>
              <dd>
                <code>{text}</code>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {said.length > 0 && <p class="quiet">{isSame ? 'The same.' : 'Not the same.'}</p>}
      {logits && (
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
      )}
      {logits && <p class="quiet">KL divergence of the next token: {logits.klDivergence} nats.</p>}
    </section>
  );
}
