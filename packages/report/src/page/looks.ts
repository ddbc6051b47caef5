import type { Pass, Recorder, Report } from '@llama-probe/comparison';
import type { StageDetail, StageResult } from '@llama-probe/diff';
import { placeKey, stageKey } from '@llama-probe/dump/stage';
import { METRICS, type PageLook, type PageRun, pack, packLevels } from '@llama-probe/page';
import { valueParts } from './values.js';

/** How near a look goes: what every stage has, what a wrong one has, and what is shown of a fault. */
type Nearness = 'rows' | 'wrong' | 'fault';

interface Wanted {
  readonly pass: Pass;
  readonly at: number;
  readonly near: Nearness;
}

/** A prompt of so few stages has room for the worst values of those that agree too. */
const FEW = 200;

const WORST = { wrong: 6, fault: 16 };

/** Closer looks at the stages, the most telling ones first, until their bytes are used up. */
export function looksOf(report: Report, recorder: Recorder | undefined, bytes: number): Pick<PageRun, 'looks' | 'cut'> {
  const looks: Record<Pass, Record<string, PageLook>> = { free: {}, blame: {} };
  const wanted = recorder ? inOrderOfInterest(report) : [];
  let left = bytes;
  let missing = 0;
  for (const { pass, at, near } of wanted) {
    const stage = report.stages[at] as StageResult;
    const detail = recorder?.details(pass).detail(stageKey(stage));
    if (!detail) continue;
    const look = lookAt(stage, detail, pass, near);
    const values = near === 'fault' ? recorder?.details(pass).values(stageKey(stage)) : undefined;
    const whole = values ? { ...look, values: valueParts(values, detail, stage.token) } : look;
    const size = JSON.stringify(whole).length + 16;
    if (size > left) {
      missing++;
      continue;
    }
    left -= size;
    looks[pass][at] = whole;
  }
  if (!recorder)
    return {
      looks,
      cut: 'Nothing is known here of single tokens, heads and values: only the run itself has seen them.',
    };
  return {
    looks,
    cut: missing === 0 ? '' : `Of ${missing} stages the page has no tokens, heads and values: it would be too large.`,
  };
}

/** Faults, then what else is wrong, then the prompt's other stages; the prompt before later steps. */
function inOrderOfInterest({ stages, faults, first }: Report): Wanted[] {
  const places = new Map((faults ?? []).map((fault) => [placeKey(fault), fault]));
  const isFault = (stage: StageResult) => places.get(placeKey(stage))?.steps.includes(stage.step);
  const isSmall = stages.filter(({ step }) => step === 0).length <= FEW;
  const ranked = stages.flatMap((stage, at) => {
    const isFirst = first !== null && stageKey(first) === stageKey(stage);
    const fault = isFault(stage) || isFirst;
    const isWrong = stage.verdict !== 'agree';
    const near: Nearness = fault ? 'fault' : isWrong || (isSmall && stage.step === 0) ? 'wrong' : 'rows';
    const later = stage.step > 0 ? 3 : 0;
    const rank = isFirst ? -1 : later + (fault ? 0 : isWrong ? 1 : 2);
    const free = { pass: 'free' as const, at, near, rank };
    return fault && faults ? [{ ...free, pass: 'blame' as const }, free] : [free];
  });
  return ranked.sort((a, b) => a.rank - b.rank);
}

function lookAt(stage: StageResult, detail: StageDetail, pass: Pass, near: Nearness): PageLook {
  const { tokens, rows, heads, headRows, histogram, worst } = detail;
  const [first = 0] = tokens;
  const follow = tokens.every((token, i) => token === first + i);
  return {
    metrics: pack(metricsOf(stage, detail, pass)),
    tokens: follow ? first : tokens,
    rows: pack(rows),
    ...(heads === null || headRows === null ? {} : { heads, headRows: packLevels(headRows) }),
    ...(near === 'rows'
      ? {}
      : {
          histogram,
          worst: pack(
            worst
              .slice(0, WORST[near])
              .flatMap(({ token, index, candidate, reference }) => [token, index, candidate, reference]),
          ),
        }),
  };
}

type Metrics = Readonly<Record<(typeof METRICS)[number], number>>;

/** A result has the sums of the free run; of blame only its values tell, and NaN stands for the rest. */
function metricsOf(stage: StageResult, { worst: [worst] }: StageDetail, pass: Pass): number[] {
  const { shape, limits, nan, inf } = stage;
  const free: Metrics = {
    rows: shape[0],
    width: shape[1],
    referenceRms: stage.referenceRms,
    maxAbs: stage.maxAbs,
    worstToken: stage.worst?.token ?? -1,
    worstIndex: stage.worst?.index ?? -1,
    cosine: stage.cosine,
    sqnr: stage.sqnr,
    distance: stage.distance,
    rowLimit: limits.row,
    valueLimit: limits.value,
    nanCandidate: nan.candidate,
    nanReference: nan.reference,
    infCandidate: inf.candidate,
    infReference: inf.reference,
  };
  const blame: Metrics = {
    ...free,
    maxAbs: worst ? Math.abs(worst.candidate - worst.reference) : Number.NaN,
    worstToken: worst?.token ?? -1,
    worstIndex: worst?.index ?? -1,
    ...{ cosine: Number.NaN, sqnr: Number.NaN, distance: Number.NaN },
    ...{ nanCandidate: Number.NaN, nanReference: Number.NaN, infCandidate: Number.NaN, infReference: Number.NaN },
  };
  return METRICS.map((name) => (pass === 'free' ? free : blame)[name]);
}
