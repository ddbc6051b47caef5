import type { NamedFault } from '@llama-probe/comparison';
import type { Finding } from '@llama-probe/comparison/ask';
import { describe, type StageResult, short, showLimit } from '@llama-probe/diff';
import { type Place, stageKey } from '@llama-probe/dump/stage';
import { type Culprit, culpritsOf, nameOf as headOf, sureness } from '../culprits.js';
import { localDelta, localInputs, ranges } from '../words.js';

/** A test case of a run: a stage of a layer over all steps, or something else that was checked. */
export interface TestCase {
  /** @example 'layer 0 q_rope' */
  readonly name: string;
  readonly result: CaseResult;
}

export type CaseResult =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly message: string }
  /** `type`: `fault` from the reference's inputs, `diverged` where nothing upstream has, `gate`, `check`. `error`: it could not be told. */
  | { readonly kind: 'failure' | 'error'; readonly type: string; readonly message: string; readonly text: string };

export const nameOf = ({ layer, stage }: Place): string => (layer === null ? stage : `layer ${layer} ${stage}`);

/** A stage that is wrong by itself. */
export function faultResult({ report }: Finding, fault: NamedFault): CaseResult {
  const { steps, where, token } = fault;
  const what = localDelta(fault);
  const [culprit] = culpritsOf({ ...report, faults: [fault] });
  return failed('fault', culprit, what, [
    `${nameOf(fault)} is wrong ${localInputs(report)}: ${what}`,
    `steps: ${ranges(steps)}${token === null ? '' : `, first at token ${token}`}`,
    ...(where ? [`where: ${where.text}`] : []),
  ]);
}

/** In the order of every output: what it is and where, where to look, how sure that is; then the evidence. */
function failed(type: string, culprit: Culprit | undefined, what: string, evidence: readonly string[]): CaseResult {
  const said = culprit ? [headOf(culprit), `where to look: ${culprit.look}`, `how sure: ${sureness(culprit)}`] : [];
  const message = culprit ? `${headOf(culprit)} (${what})` : what;
  return { kind: 'failure', type, message, text: [...said, ...evidence].join('\n') };
}

/** A stage without a fault of its own, over all steps. @param isDownstream whether something that it is computed from has diverged */
export function stageResult(
  finding: Finding,
  steps: readonly [StageResult, ...StageResult[]],
  isDownstream: (stage: StageResult) => boolean,
): CaseResult {
  const unknown = steps.find(({ verdict }) => verdict === 'incomparable');
  if (unknown) {
    const message = unknown.reason ?? 'it could not be compared';
    return { kind: 'error', type: 'incomparable', message, text: `${describe(unknown)}: ${message}` };
  }
  const diverged = steps.filter(({ verdict }) => verdict === 'diverged');
  const own = diverged.find((stage) => !stage.inherits && !isDownstream(stage));
  if (own) return divergedResult(finding, own, diverged);
  const [inheriting] = diverged;
  if (!inheriting) return { kind: 'passed' };
  const from = inheriting.inherits
    ? `inherits from ${describe(inheriting.inherits)}`
    : 'diverged after one of its inputs';
  return { kind: 'skipped', message: `${from}; ${delta(inheriting)}` };
}

const delta = ({ rel, limit, reason }: StageResult): string =>
  reason ?? `relative RMS delta ${short(rel)}, limit ${showLimit(limit)}`;

function divergedResult({ report }: Finding, own: StageResult, diverged: readonly StageResult[]): CaseResult {
  const { first } = report;
  const isFirst = first !== null && stageKey(first) === stageKey(own);
  const [culprit] = isFirst ? culpritsOf({ ...report, faults: null }) : [];
  return failed('diverged', culprit, delta(own), [
    `${describe(own)} diverged, and nothing before it that it is computed from: ${delta(own)}`,
    `steps: ${ranges(diverged.map(({ step }) => step))}${own.token === null ? '' : `, first at token ${own.token}`}`,
    ...(own.where ? [`where: ${own.where.text}`] : []),
  ]);
}
