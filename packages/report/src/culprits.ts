import type { NamedFault, Report } from '@llama-probe/comparison';
import type { ToldCause } from '@llama-probe/comparison/ask';
import { describe } from '@llama-probe/diff';
import type { Place } from '@llama-probe/dump/stage';
import { layersOf } from './fault-groups.js';
import { causeOfFirst } from './words.js';

/** One thing to mend: what every output begins with. */
export interface Culprit extends Omit<ToldCause, 'at'> {
  /** The stages that are wrong by themselves by this bug; empty where that was not looked at. */
  readonly faults: readonly NamedFault[];
}

type Known = Pick<Report, 'faults' | 'first' | 'diagnosis'> & Partial<Pick<Report, 'between'>>;

/** What is wrong by itself, by cause: first what comes first. Without a run from inputs that both sides had, the first wrong stage. */
export function culpritsOf(report: Known): Culprit[] {
  const { faults, first, between } = report;
  if (!faults || faults.length === 0) {
    if (!first) return [];
    return [{ ...culprit([{ ...first, diagnosis: causeOfFirst(report) }], between, NOT_LOOKED_FOR), faults: [] }];
  }
  return byCause(faults).map((group, i) => ({ ...culprit(group, i === 0 ? between : undefined), faults: group }));
}

type Wrong = Pick<NamedFault, 'stage' | 'layer' | 'diagnosis' | 'cause' | 'where'>;

/**
 * The same bug with the same parameters is one cause, confirmed here and likely there too; of what is unknown, each stage name by itself.
 */
function byCause(faults: readonly NamedFault[]): [NamedFault, ...NamedFault[]][] {
  const groups = new Map<string, [NamedFault, ...NamedFault[]]>();
  for (const fault of faults) {
    const kind = fault.cause ? (fault.diagnosis?.bug ?? fault.cause.id) : `unknown ${fault.stage}`;
    const group = groups.get(kind);
    if (group) group.push(fault);
    else groups.set(kind, [fault]);
  }
  return [...groups.values()];
}

function culprit(
  group: readonly [Wrong, ...Wrong[]],
  between: Report['between'],
  unnamed: Unnamed = NOT_LOOKED_AT,
): Omit<Culprit, 'faults'> {
  const confirmed = group.filter((one) => confidenceOf(one) === 'confirmed');
  const likely = group.filter((one) => confidenceOf(one) === 'likely');
  const isMixed = confirmed.length > 0 && likely.length > 0;
  const [{ stage, diagnosis, cause } = group[0]] = confirmed;
  const { bug, look, evidence } = diagnosis ?? { bug: null, look: '', evidence: unnamed.evidence };
  const others = isMixed ? [] : [...new Set(likely.flatMap(({ diagnosis }) => diagnosis?.indistinguishable ?? []))];
  const place = isMixed ? `${placesOf(confirmed)}; likely ${actsIn(likely)}` : actsIn(group, between);
  const own = LOOK_AT[stage] ?? `What computes ${stage}, and in which layout it is written`;
  const begin = between ? 'What is between, which is not there to compare: capture it, with the line below' : own;
  return {
    bug: bug === null ? (diagnosis ? unknownOf(group[0]) : unnamed.bug) : [bug, ...others].join(', or '),
    place,
    look: look || `${begin}.`,
    confidence: diagnosis?.confidence ?? 'unknown',
    id: cause?.id ?? null,
    evidence: isMixed ? `${evidence} Likely in ${actsIn(likely)}: ${likely[0]?.diagnosis?.evidence}` : evidence,
  };
}

/** Where a bug acts: the stages that are wrong, or others before them that the candidate does not have. */
function actsIn(group: readonly Wrong[], between?: Report['between']): string {
  const seen = placesOf(group);
  const isElsewhere = group.some(({ diagnosis }) => actedIn(diagnosis));
  if (isElsewhere) return `${placesOf(group.flatMap((one) => actedIn(one.diagnosis) ?? []))} (seen at ${seen})`;
  return between ? `${between.after ? `between ${describe(between.after)} and` : 'at or before'} ${seen}` : seen;
}

const actedIn = (diagnosis: Wrong['diagnosis']): readonly Place[] | undefined =>
  diagnosis?.confidence === 'likely' ? diagnosis.candidates[0]?.at : undefined;

const UNKNOWN = 'Unknown bug';

/** Of a stage in which NaN or an infinity begins, that it does. */
function unknownOf({ where }: Wrong): string {
  const { kind } = where ?? {};
  if (kind?.kind !== 'nonfinite') return UNKNOWN;
  const made = kind.nan.candidate > 0 ? 'NaN' : kind.inf.candidate > 0 ? 'infinities' : undefined;
  return made ? `${UNKNOWN}, which makes ${made}` : UNKNOWN;
}

/** What is said of stages of which no diagnosis was made. */
type Unnamed = Pick<Culprit, 'bug' | 'evidence'>;
const NOT_LOOKED_AT: Unnamed = { bug: UNKNOWN, evidence: 'No bug was looked for here.' };
const NOT_LOOKED_FOR: Unnamed = {
  bug: 'First wrong stage',
  evidence: 'no bug was looked for: give --model FILE, without --no-blame',
};

/** @example placesOf(faults) === 'q_rope and k_rope, layers 0 to 3; ffn_swiglu, layer 2' */
export function placesOf(wrong: readonly Place[]): string {
  const stages = new Map<string, string[]>();
  for (const name of new Set(wrong.map(({ stage }) => stage))) {
    const layers = layersOf(wrong.filter(({ stage }) => stage === name));
    stages.set(layers, [...(stages.get(layers) ?? []), name]);
  }
  const SHOWN = 4;
  return [...stages]
    .map(([layers, names]) => {
      const more = names.length > SHOWN ? [`${names.length - SHOWN + 1} more`] : [];
      const shown = [...names.slice(0, more.length > 0 ? SHOWN - 1 : SHOWN), ...more];
      const listed = [shown.slice(0, -1).join(', '), ...shown.slice(-1)].filter(Boolean).join(' and ');
      return layers === '' ? listed : `${listed}, ${/^\d+$/.test(layers) ? 'layer' : 'layers'} ${layers}`;
    })
    .join('; ');
}

/**
 * What is wrong, in a line: the bug, the stages, the layers; null where nothing is known to be.
 *
 * @example headlineOf(report) === 'RoPE turns the halves of a head, not neighbours: q_rope and k_rope, layers 0 to 3'
 */
export function headlineOf(report: Known): string | null {
  const [first, ...more] = culpritsOf(report);
  if (!first) return null;
  return `${nameOf(first)}${more.length === 0 ? '' : ` (and ${more.length} more)`}`;
}

/** @example 'Likely: RoPE has another base frequency: q_rope, layer 1' */
export const nameOf = ({ bug, place, confidence }: Culprit): string =>
  `${confidence === 'likely' ? 'Likely: ' : ''}${bug}: ${place}`;

/** How sure it is of one of the stages that are wrong by a bug. */
export const confidenceOf = ({ diagnosis }: Pick<Wrong, 'diagnosis'>): Culprit['confidence'] =>
  diagnosis?.confidence ?? 'unknown';

/** How sure the name is. @example 'confirmed in q_rope, layer 0 (rope-halves): recomputed … Likely in q_rope, layers 1 to 3: …' */
export function sureness({ bug, confidence, id, evidence, faults }: Culprit): string {
  if (bug === NOT_LOOKED_FOR.bug) return evidence;
  const known = id === null ? '' : ` (${id})`;
  const confirmed = faults.filter((fault) => confidenceOf(fault) === 'confirmed');
  const where = confirmed.length < faults.length ? ` in ${placesOf(confirmed)}` : '';
  if (confidence === 'confirmed') return `confirmed${where}${known}: ${evidence}`;
  return confidence === 'likely'
    ? `likely, not confirmed${known}: ${evidence}`
    : `the bug is not known. ${evidence.charAt(0).toUpperCase()}${evidence.slice(1)}`;
}

/** Where to begin in a stage whose bug is not known. */
const LOOK_AT: Readonly<Record<string, string>> = {
  embd: 'The row of the token, the dequantisation, an embedding scale',
  attn_rms: 'Its eps, the mean over the wrong length, accumulation in f16',
  ffn_rms: 'Its eps, the mean over the wrong length, accumulation in f16',
  attn_norm: "The norm's weight: missing, applied twice, or of another layer",
  ffn_norm: "The norm's weight: missing, applied twice, or of another layer",
  q_proj: 'The transpose, the dequantisation, a Q/K permutation from conversion, a bias',
  k_proj: 'The transpose, the dequantisation, a Q/K permutation from conversion, a bias',
  v_proj: 'The transpose, the dequantisation, a bias',
  q_rope: 'Adjacent pairs or halves, theta, rope_freqs.weight, the position',
  k_rope: 'Adjacent pairs or halves, theta, rope_freqs.weight, the position',
  kq: "Which KV head a query head uses, the cache's layout and position",
  kq_soft_max: 'The scale 1/√head_dim, the mask, the maximum not subtracted',
  kqv_out: 'The layout of V, heads tiled instead of repeated',
  attn_out: 'The transpose, the dequantisation, the order of blocks',
  ffn_out: 'The transpose, the dequantisation, the order of blocks',
  ffn_gate: 'The transpose, the dequantisation, gate and up exchanged',
  ffn_up: 'The transpose, the dequantisation, gate and up exchanged',
  ffn_inp: 'The residual: missing, twice, or overwritten by the norm',
  l_out: 'The residual: missing, twice, or overwritten by the norm',
  ffn_swiglu: 'GELU for SiLU, gate and up exchanged',
  result_norm: 'The last norm skipped, or its weight',
  result_output: 'A tied head, the wrong row, 65535 workgroups',
};
