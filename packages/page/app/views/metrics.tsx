import type { PageLook, Pass } from '../../src/data.js';
import { limitText, short, times, valueText } from '../format.js';
import { deltaOf, limitOf, metricsOf, type Run, shareOf } from '../model.js';

interface MetricsProps {
  readonly run: Run;
  readonly at: number;
  readonly pass: Pass;
  /** The stage's metrics in that pass. */
  readonly look: PageLook | undefined;
}

type Metric = readonly [label: string, text: string];

/** Every number that is known of a stage as a whole, in the run that is shown and in no other. */
export function MetricsTable({ run, at, pass, look }: MetricsProps) {
  const facts = pass === 'blame' ? blame(run, at, look) : free(run, at, look);
  return (
    <dl class="facts">
      {facts.map(([label, text]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function free(run: Run, at: number, look: PageLook | undefined): Metric[] {
  const floor = run.floor[at] ?? -1;
  const local = deltaOf(run, at, 'blame');
  return [
    ['relative delta', short(run.rel[at] ?? Number.NaN)],
    ...(local === -1 ? [] : [['local delta', short(local)] as const]),
    ['limit', limitText(run.limit[at] ?? Number.NaN)],
    ['of the limit', times(run.ofLimit[at] ?? Number.NaN)],
    ['floor', floor < 0 ? 'not measured' : short(floor)],
    ['RMS delta', short(run.rms[at] ?? Number.NaN)],
    ...(look ? closer(look) : []),
  ];
}

/** From the reference's inputs a stage is judged by its local delta alone. */
function blame(run: Run, at: number, look: PageLook | undefined): Metric[] {
  const local = deltaOf(run, at, 'blame');
  if (local === -1) return [['local delta', 'not measured']];
  return [
    ['local delta', short(local)],
    ['limit', limitText(limitOf(run, at, 'blame'))],
    ['of the limit', times(shareOf(run, at, 'blame'))],
    ...(look ? closerBlame(look) : []),
  ];
}

function closerBlame(look: PageLook): Metric[] {
  const m = metricsOf(look);
  const nonFinite = look.histogram?.nonFinite ?? 0;
  return [
    ['reference RMS', valueText(m.referenceRms)],
    ...(nonFinite > 0 || Number.isNaN(m.maxAbs) ? [] : largest(m)),
    ['shape', `${m.rows} × ${m.width}`],
    ...(nonFinite > 0 ? [['not finite on one side', String(nonFinite)] as const] : []),
  ];
}

const largest = ({ maxAbs, worstToken, worstIndex }: ReturnType<typeof metricsOf>): Metric[] => [
  ['largest delta', short(maxAbs)],
  ...(worstToken < 0 ? [] : [['at token, index', `${worstToken}, ${worstIndex}`] as const]),
];

function closer(look: PageLook): Metric[] {
  const m = metricsOf(look);
  const sides = (candidate: number, reference: number) => `${candidate} and ${reference}`;
  const left = m.nanCandidate + m.nanReference + m.infCandidate + m.infReference;
  // Sums leave out what is not finite: they would look healthy.
  const sums: Metric[] = [
    ['reference RMS', valueText(m.referenceRms)],
    ...largest(m),
    ['cosine', Number.isFinite(m.cosine) ? m.cosine.toFixed(6) : short(m.cosine)],
    ['distance', short(m.distance)],
    ['signal to noise', Number.isFinite(m.sqnr) ? `${m.sqnr.toFixed(1)} dB` : short(m.sqnr)],
  ];
  return [
    ...(left > 0 ? [] : sums),
    ['shape', `${m.rows} × ${m.width}`],
    ...(m.nanCandidate + m.nanReference > 0
      ? [['NaN, both sides', sides(m.nanCandidate, m.nanReference)] as const]
      : []),
    ...(m.infCandidate + m.infReference > 0 ? [['∞, both sides', sides(m.infCandidate, m.infReference)] as const] : []),
  ];
}
