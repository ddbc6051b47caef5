import type { Run } from '../model.js';

/** What both sides say after the prompt. */
export function Said({ run }: { run: Run }) {
  const { said } = run.data;
  if (said.length === 0) return null;
  const isSame = said[0]?.[1] === said[1]?.[1];
  return (
    <>
      <dl class="said">
        {said.map(([side, text]) => (
          <div key={side}>
            <dt>{side} says</dt>
            <dd>
              <code>{text}</code>
            </dd>
          </div>
        ))}
      </dl>
      <p class="quiet">{isSame ? 'The same.' : 'Not the same.'}</p>
    </>
  );
}
