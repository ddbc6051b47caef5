import type { Finding, Note } from '@llama-probe/comparison/ask';
import { describe, type Where } from '@llama-probe/diff';
import { type Culprit, culpritsOf, nameOf, sureness } from './culprits.js';
import { groupFaults, placeOf, stepsOf, worstOf } from './fault-groups.js';
import { errorsAt, isAllowed } from './notes.js';
import { localDelta, withoutCause } from './words.js';

/** Something to say of a run to a machine that shows it beside the code. */
export interface Annotation {
  readonly level: Note['level'];
  readonly title: string;
  readonly message: string;
  /** The lines of the code that compute what is wrong, if the run says that. @example ['src/attention.rs:212'] */
  readonly sources: readonly string[];
}

/** An error for each bug, what a gate warns of, a notice where all is well. */
export function annotationsOf(finding: Finding): Annotation[] {
  const { name, verdict, reason, notes } = finding;
  const faults = verdict === 'agree' ? [] : (finding.report.faults ?? []).filter((fault) => !isAllowed(finding, fault));
  const isSaidThere = ({ level, at }: Note) =>
    level === 'error' && faults.some(({ layer, stage }) => at?.layer === layer && at.stage === stage);
  const noted = notes
    .filter((note) => !isSaidThere(note))
    .map(({ level, text, at }) => ({
      level,
      title: `${name}${at ? `: ${describe(at)}` : ''}`,
      message: text,
      sources: [],
    }));
  if (verdict === 'agree')
    return [...noted, { level: 'notice', title: `llama-probe: ${name}`, message: reason, sources: [] }];
  const wrong =
    faults.length === 0 ? [] : culpritsOf({ ...finding.report, faults }).map((one) => wrongOf(finding, one));
  // A gate's errors say why it fails; without any, the reason does.
  const isSaid = wrong.length > 0 || noted.some(({ level }) => level === 'error');
  return [...(isSaid ? [] : [wholeOf(finding)]), ...wrong, ...noted];
}

/** The run, where no stage is known to be wrong by itself. */
function wholeOf(finding: Finding): Annotation {
  const { name, verdict, reason, report } = finding;
  const [culprit] = verdict === 'diverged' ? culpritsOf({ ...report, faults: null }) : [];
  const { first, tokenDiagnosis } = report;
  return {
    level: 'error',
    title: culprit ? titleOf(name, culprit) : `llama-probe: ${name} ${verdict}`,
    message: [
      ...(culprit ? toDo(culprit) : []),
      culprit ? withoutCause({ reason, first }) : reason,
      ...(first?.where ? [`where: ${first.where.text}`] : []),
      ...(tokenDiagnosis ? [tokenDiagnosis.text] : []),
    ].join('\n'),
    sources: sourcesOf(first ? [first] : []),
  };
}

/** @example 'RoPE turns the halves of a head, not neighbours: q_rope and k_rope, layers 0 to 3 (model.gguf, 9 tokens)' */
const titleOf = (name: string, culprit: Culprit): string => `${nameOf(culprit)} (${name})`;

const toDo = (culprit: Culprit): string[] => [`where to look: ${culprit.look}`, `how sure: ${sureness(culprit)}`];

function wrongOf(finding: Finding, culprit: Culprit): Annotation {
  const { name } = finding;
  const evidence = groupFaults(culprit.faults).map((group) => {
    const [{ where }] = group;
    const delta = `${placeOf(group)} at the steps ${stepsOf(group)}: ${localDelta(worstOf(group), group.length > 1)}`;
    return [delta, ...(where ? [`where: ${where.text}`] : [])].join('\n');
  });
  const errors = culprit.faults.flatMap((fault) => errorsAt(finding, fault));
  return {
    level: 'error',
    title: titleOf(name, culprit),
    message: [...toDo(culprit), ...evidence, ...errors].join('\n'),
    sources: sourcesOf(culprit.faults),
  };
}

const sourcesOf = (wrong: readonly { readonly where: Where | null }[]): string[] => [
  ...new Set(wrong.flatMap(({ where }) => where?.source ?? [])),
];
