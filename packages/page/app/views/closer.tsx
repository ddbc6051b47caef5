import { useMemo } from 'preact/hooks';
import type { Pass } from '../../src/data.js';
import { deltasOf, floatsOf } from '../../src/unpack.js';
import { lookAt, metricsOf, type Run, stateOf, tokensOf } from '../model.js';
import { HeadMap } from '../plots/head-map.js';
import { DeltaHistogram } from '../plots/histogram.js';
import { TokenBars } from '../plots/token-bars.js';
import { Values } from './values.js';
import { Worst } from './worst.js';

/** A stage's tokens, heads and values, as far as the page has them. */
export function Closer({ run, at, pass }: { run: Run; at: number; pass: Pass }) {
  const look = lookAt(run, at, pass) ?? lookAt(run, at, 'free');
  const opened = useMemo(() => {
    if (!look) return undefined;
    const rows = floatsOf(look.rows);
    const headRows = look.headRows ? deltasOf(look.headRows) : undefined;
    return { rows, headRows, tokens: tokensOf(look, rows.length), metrics: metricsOf(look) };
  }, [look]);
  if (!look || !opened) return <p class="quiet">{missing(run)}</p>;
  const { rows, headRows, tokens, metrics } = opened;
  // If nothing is finite, there is no size to hold a value to.
  const valueLimit = metrics.referenceRms > 0 ? metrics.valueLimit * metrics.referenceRms : Number.POSITIVE_INFINITY;
  const isOther = !lookAt(run, at, pass);
  return (
    <>
      {isOther && (
        <p class="quiet note">
          <b>What follows is from the free run</b>, not {run.data.inputs}: {whyFree(run, at)}
        </p>
      )}
      {rows.length > 1 && <TokenBars tokens={tokens} rows={rows} limit={metrics.rowLimit} ids={run.data.tokens} />}
      {headRows && look.heads !== undefined && look.heads > 1 && (
        <HeadMap tokens={tokens} heads={look.heads} deltas={headRows} limit={metrics.rowLimit} />
      )}
      {look.histogram && <DeltaHistogram histogram={look.histogram} limit={valueLimit} />}
      {look.worst && <Worst worst={floatsOf(look.worst)} heads={look.heads} width={metrics.width} />}
      {look.values && <Values parts={look.values} heads={look.heads} limit={valueLimit} />}
    </>
  );
}

function whyFree(run: Run, at: number): string {
  const state = stateOf(run, at, 'blame');
  if (state === 'fault') return `the page has no closer look at that run. ${run.data.cut}`;
  if (state === 'absent') return 'this stage was not compared in that run.';
  return 'in that run this stage agrees, and only faults get a closer look.';
}

const missing = ({ data }: Run): string =>
  data.cut || 'This stage has a single row, and agrees: its tokens, heads and values are not kept.';
