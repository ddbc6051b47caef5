import { useMemo } from 'preact/hooks';
import type { PageChangeGroup, PageChanges } from '../../src/data.js';
import { changedStages, countChanges } from '../change-grid.js';
import { count } from '../format.js';
import type { Run } from '../model.js';
import { CHANGES, VERDICTS } from '../states.js';
import { ChangeMap } from './change-map.js';
import { Prose } from './prose.js';
import { Scroll } from './scroll.js';

interface BeforeAfterProps {
  readonly changes: PageChanges;
  /** The run after, and the one before. */
  readonly runs: readonly Run[];
  readonly shown: number;
  /** Shows a run. */
  readonly onShow: (at: number) => void;
  /** Shows a stage of the run after, and goes there. */
  readonly onOpen: (stage: number) => void;
}

/** Whether it is right now, and whether something else broke. */
export function BeforeAfter({ changes, runs, shown, onShow, onOpen }: BeforeAfterProps) {
  const { answer, broke, summary, differences, groups, vanished } = changes;
  const [after] = runs;
  const stages = useMemo(() => (after ? changedStages(after, changes) : new Map()), [after, changes]);
  if (!after) return null;
  const { w, b, n, s } = countChanges(changes);
  const counts = [
    [CHANGES.w.glyph, w, CHANGES.w.words],
    [CHANGES.b.glyph, b, CHANGES.b.words],
    ['', s, CHANGES.s.words],
    ...(n > 0 ? [[CHANGES.n.glyph, n, CHANGES.n.words] as const] : []),
    ...(vanished > 0 ? [['', vanished, 'compared before only'] as const] : []),
  ] as const;
  return (
    <section class={`card changes says-${after.data.verdict}`} aria-labelledby="changes">
      <h2 id="changes" class="answer">
        <i class={`sign verdict-${after.data.verdict}`} aria-hidden="true">
          {VERDICTS[after.data.verdict].glyph}
        </i>
        {answer}
      </h2>
      <p class="reason">
        <b>{broke}</b>
      </p>
      <dl class="runs">
        {[runs[1], runs[0]].map((run, i) => run && <Side key={run.data.name} {...{ run, shown, onShow }} at={1 - i} />)}
      </dl>
      <p>
        <Prose text={summary} />
      </p>
      {differences.length > 0 && <Differences differences={differences} />}
      <div class="columns">
        <div>
          {after.count > 0 && <ChangeMap run={after} stages={stages} onOpen={onOpen} />}
          <ul class="legend" aria-label="Changes">
            {counts.map(([glyph, number, words]) => (
              <li key={words}>
                {glyph && (
                  <i class="sign changed" aria-hidden="true">
                    {glyph}
                  </i>
                )}
                <b>{number.toLocaleString('en')}</b> {words}
              </li>
            ))}
          </ul>
        </div>
        {groups.length > 0 && <Groups groups={groups} />}
      </div>
    </section>
  );
}

/** What was found before, or after. */
function Side({ run, at, shown, onShow }: { run: Run; at: number } & Pick<BeforeAfterProps, 'shown' | 'onShow'>) {
  const { verdict, headline, reason } = run.data;
  return (
    <div>
      <dt>
        <button type="button" class="link" aria-pressed={at === shown} onClick={() => onShow(at)}>
          {at === 0 ? 'after' : 'before'}
        </button>
      </dt>
      <dd>
        <i class={`sign verdict-${verdict}`} aria-hidden="true">
          {VERDICTS[verdict].glyph}
        </i>
        <Prose text={headline ?? reason} />
      </dd>
    </div>
  );
}

function Differences({ differences }: Pick<PageChanges, 'differences'>) {
  return (
    <details>
      <summary>{count(differences.length, 'thing')} run otherwise than before</summary>
      <Scroll label="What was run otherwise">
        <table>
          <thead>
            <tr>
              <th scope="col">what</th>
              <th scope="col">before</th>
              <th scope="col">after</th>
            </tr>
          </thead>
          <tbody>
            {differences.map(([what, before, after]) => (
              <tr key={what}>
                <th scope="row">{what}</th>
                <td>{before}</td>
                <td>{after}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

function Groups({ groups }: { groups: readonly PageChangeGroup[] }) {
  return (
    <Scroll label="Stages that changed" isTall>
      <table>
        <thead>
          <tr>
            <th scope="col">what changed, by its furthest</th>
            <th scope="col">before → after</th>
            <th scope="col">judged</th>
          </tr>
        </thead>
        <tbody>
          {groups.map(({ sign, place, deltas, verdicts }) => (
            <tr key={`${sign} ${place}`}>
              <th scope="row">
                <span aria-hidden="true">{CHANGES[sign === 'worse' ? 'w' : 'b'].glyph} </span>
                <span class="hidden">{sign}: </span>
                {place}
              </th>
              <td class="nowrap">{deltas}</td>
              <td class="nowrap">{verdicts}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
