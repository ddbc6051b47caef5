import type { PageData } from '../../src/data.js';
import type { Run } from '../model.js';
import { Scroll } from './scroll.js';
import { whysCut } from './why.js';

/** What was run, and on what. */
export function Provenance({ run, data }: { run: Run; data: PageData }) {
  const { facts, tokens, cut } = run.data;
  return (
    <section class="card" aria-labelledby="provenance">
      <h2 id="provenance">What was run, and on what</h2>
      <dl class="provenance">
        {facts.map(([label, text]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{text}</dd>
          </div>
        ))}
        <div>
          <dt>token ids</dt>
          <dd>
            <Scroll label="Token ids" class="ids">
              {tokens.join(' ')}
            </Scroll>
          </dd>
        </div>
        <div>
          <dt>llama-probe</dt>
          <dd>
            {data.version}, {data.made}
          </dd>
        </div>
      </dl>
      {[cut, whysCut(run)].filter(Boolean).map((text) => (
        <p key={text} class="quiet">
          {text}
        </p>
      ))}
      <details class="screen">
        <summary>What the words mean</summary>
        <dl class="words">
          {data.words.map(([word, meaning]) => (
            <div key={word}>
              <dt>{word}</dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </details>
    </section>
  );
}
