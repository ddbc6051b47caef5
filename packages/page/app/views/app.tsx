import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { PageData } from '../../src/data.js';
import { type Run, stepOf } from '../model.js';
import { asksForStage, hashOf, type View, viewOf } from '../state.js';
import { Bar } from './bar.js';
import { BeforeAfter } from './before-after.js';
import { Faults } from './faults.js';
import { HeatMap } from './heat-map.js';
import { Observed } from './observed.js';
import { Output } from './output.js';
import { Provenance } from './provenance.js';
import { RunList } from './run-list.js';
import { RunMap } from './run-map.js';
import { StagePanel } from './stage-panel.js';
import { VerdictHeader } from './verdict.js';
import { WholeRun } from './whole-run.js';

export function App({ data, runs }: { data: PageData; runs: readonly Run[] }) {
  const [view, setView] = useView(runs);
  const panel = useRef<HTMLElement>(null);
  const run = runs[view.run];
  const open = useCallback((stage: number) => setView((now) => ({ ...now, stage })), [setView]);
  const showRun = (at: number) => setView(() => viewOf(`#run=${at + 1}`, runs));
  /** Shows a stage of any run, and goes there. */
  const show = (to: View) => {
    setView(() => to);
    requestAnimationFrame(() => panel.current?.querySelector<HTMLElement>('h2')?.focus());
  };
  /** Shows a stage from a place where the panel may be out of sight: the panel is scrolled to, and read out. */
  const visit = (stage: number) => {
    open(stage);
    requestAnimationFrame(() => goTo(panel.current));
  };
  useLayoutEffect(() => {
    const follow = () => asksForStage(location.hash, runs) && goTo(panel.current);
    const later = () => requestAnimationFrame(follow);
    follow();
    addEventListener('hashchange', later);
    return () => removeEventListener('hashchange', later);
  }, [runs]);
  if (!run) return <p class="empty">This page has no run.</p>;
  const step = view.stage >= 0 ? stepOf(run, view.stage) : 0;
  return (
    <>
      <Bar data={data} run={run} />
      <main>
        {data.changes && (
          <BeforeAfter
            changes={data.changes}
            runs={runs}
            shown={view.run}
            onShow={showRun}
            onOpen={(stage) => show({ run: 0, pass: 'free', stage })}
          />
        )}
        {runs.length > 1 && !data.changes && (
          <>
            <RunList runs={runs} shown={view.run} onShow={showRun} />
            <RunMap runs={runs} shown={view} onShow={(run, stage) => show({ run, pass: 'free', stage })} />
          </>
        )}
        <VerdictHeader run={run} onVisit={visit} />
        {run.count > 0 && (
          <div class="explore">
            <HeatMap
              key={view.run}
              run={run}
              pass={view.pass}
              step={step}
              shown={view.stage}
              onOpen={visit}
              onPick={open}
              onPass={(pass) => setView((now) => ({ ...now, pass }))}
            />
            <StagePanel panel={panel} run={run} pass={view.pass} at={view.stage} onOpen={visit} />
          </div>
        )}
        {run.count > 0 && <WholeRun run={run} pass={view.pass} step={step} shown={view.stage} />}
        <Faults run={run} onOpen={visit} />
        <Observed run={run} />
        <Output run={run} />
        <Provenance run={run} data={data} />
      </main>
    </>
  );
}

const goTo = (panel: HTMLElement | null) => panel?.querySelector<HTMLElement>('h2')?.focus();

/** What is looked at, in the address too: so it can be linked to, and the browser's back button goes back. */
function useView(runs: readonly Run[]): [View, (change: (now: View) => View) => void] {
  const [view, setView] = useState(() => viewOf(location.hash, runs));
  useEffect(() => {
    const follow = () => setView(viewOf(location.hash, runs));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [runs]);
  const change = useCallback(
    (by: (now: View) => View) =>
      setView((now) => {
        const next = by(now);
        const hash = `#${hashOf(next, runs)}`;
        if (hash !== location.hash) history.pushState(null, '', hash);
        return next;
      }),
    [runs],
  );
  return [view, change];
}
