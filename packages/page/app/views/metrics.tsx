import type { PageLook } from '../../src/data.js';
import { limitText, short, times, valueText } from '../format.js';
import { deltaOf, metricsOf, type Run } from '../model.js';

interface MetricsProps {
  readonly run: Run;
  readonly at: number;
  readonly look: PageLook | undefined;
}

/** Every number that is known of a stage as a whole. */
export function MetricsTable({ run, at, look }: MetricsProps) {
  const floor = run.floor[at] ?? -1;
  const local = deltaOf(run, at, 'forced');
  const facts: (readonly [string, string])[] = [
    ['relative delta', short(run.rel[at] ?? Number.NaN)],
    ...(local === -1 ? [] : [['local delta', short(local)] as const]),
    ['limit', limitText(run.limit[at] ?? Number.NaN)],
    ['of the limit', times(run.ofLimit[at] ?? Number.NaN)],
    ['floor', floor < 0 ? 'not measured' : short(floor)],
    ['RMS delta', short(run.rms[at] ?? Number.NaN)],
    ...(look ? closer(look) : []),
  ];
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

function closer(look: PageLook): (readonly [string, string])[] {
  const m = metricsOf(look);
  const sides = (candidate: number, reference: number) => `${candidate} and ${reference}`;
  const left = m.nanCandidate + m.nanReference + m.infCandidate + m.infReference;
  // Sums leave out what is not finite: they would look healthy.
  const sums: (readonly [string, string])[] = [
    ['reference RMS', valueText(m.referenceRms)],
    ['largest delta', short(m.maxAbs)],
    ...(m.worstToken < 0 ? [] : [['at token, index', `${m.worstToken}, ${m.worstIndex}`] as const]),
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
