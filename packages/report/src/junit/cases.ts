import type { Finding } from '@llama-probe/comparison/ask';
import { graphIn, inheritance, type StageResult } from '@llama-probe/diff';
import { type Place, placeKey, stageKey } from '@llama-probe/dump/stage';
import { errorsAt, isAllowed, noteAt } from '../notes.js';
import { type CaseResult, faultResult, nameOf, stageResult, type TestCase } from './case-results.js';

/**
 * The test cases of a run. One bug is one red case: what inherits it is skipped. At least one case failed, or could not be told, exactly
 * where the verdict of the run is not `agree`.
 */
export function testCases(finding: Finding): TestCase[] {
  const cases = [...stageCases(finding), ...noteCases(finding), ...checkCases(finding), ...tokenCase(finding)];
  const isRed = cases.some(({ result }) => result.kind === 'failure' || result.kind === 'error');
  if (isRed || finding.verdict === 'agree') return cases;
  return [...cases, { name: 'verdict', result: verdictOf(finding) }];
}

function verdictOf({ verdict, reason }: Finding): CaseResult {
  const kind = verdict === 'incomparable' ? 'error' : 'failure';
  return { kind, type: verdict, message: reason, text: reason };
}

const isWrong = ({ verdict }: StageResult): boolean => verdict === 'diverged';

function stageCases(finding: Finding): TestCase[] {
  const { stages, faults, graph } = finding.report;
  const descent = inheritance(stages, graphIn(graph, stages), isWrong, ({ verdict }) => verdict === 'agree');
  const isDownstream = (stage: StageResult) => descent.get(stageKey(stage))?.from !== undefined;
  const places = new Map<string, [StageResult, ...StageResult[]]>();
  for (const stage of stages) {
    const known = places.get(placeKey(stage));
    if (known) known.push(stage);
    else places.set(placeKey(stage), [stage]);
  }
  const wrong = new Map((faults ?? []).map((fault) => [placeKey(fault), fault]));
  const cases = [...places.values()].map((steps) => {
    const [first] = steps;
    const fault = wrong.get(placeKey(first));
    const result = fault ? faultResult(finding, fault) : stageResult(finding, steps, isDownstream);
    return { name: nameOf(first), result: allowed(finding, first, result) };
  });
  // The run from the reference's inputs takes every stage, also where only some were asked for.
  const others = [...wrong.values()]
    .filter((fault) => !places.has(placeKey(fault)))
    .map((fault) => ({ name: nameOf(fault), result: allowed(finding, fault, faultResult(finding, fault)) }));
  return [...cases, ...others];
}

/** What is wrong but allowed is not red; what a gate calls an error is, also where the stage is within its limit. */
function allowed(finding: Finding, place: Place, result: CaseResult): CaseResult {
  const note = noteAt(finding, place);
  const isRed = result.kind === 'failure' || result.kind === 'error';
  if (isRed && isAllowed(finding, place)) {
    return { kind: 'skipped', message: `allowed${note ? `: ${note.text}` : ''}; ${result.message}` };
  }
  const errors = errorsAt(finding, place);
  if (errors.length === 0 || finding.verdict === 'agree') return result;
  if (result.kind === 'failure' || result.kind === 'error') {
    return { ...result, text: [result.text, ...errors].join('\n') };
  }
  return noted(finding, errors.join('\n'));
}

const noted = ({ verdict }: Finding, text: string): CaseResult => {
  return { kind: verdict === 'incomparable' ? 'error' : 'failure', type: 'gate', message: text, text };
};

/** Notes about nothing that was compared. */
function noteCases(finding: Finding): TestCase[] {
  const { notes, report, verdict } = finding;
  const compared = new Set([...report.stages, ...(report.faults ?? [])].map(placeKey));
  return notes
    .filter(({ level, at }) => level === 'error' && !(at && compared.has(placeKey(at))))
    .map(({ text }, i) => ({
      name: `gate ${i + 1}`,
      result: verdict === 'agree' ? { kind: 'skipped', message: text } : noted(finding, text),
    }));
}

/** What does not hold of a side by itself: a case for each check that found something. */
function checkCases({ report, verdict }: Finding): TestCase[] {
  return (['candidate', 'reference'] as const).flatMap((side) => {
    const { broken } = report.checks[side];
    return [...new Set(broken.map(({ check }) => check))].map((check) => {
      const texts = broken.filter((one) => one.check === check).map(({ text }) => text);
      const message = texts[0] ?? check;
      const result: CaseResult =
        verdict === 'agree'
          ? { kind: 'skipped', message }
          : { kind: 'failure', type: 'check', message, text: texts.join('\n') };
      return { name: `${report[side].name} by itself: ${check}`, result };
    });
  });
}

function tokenCase({ report: { tokenDiagnosis }, verdict }: Finding): TestCase[] {
  if (!tokenDiagnosis) return [];
  const { title, text } = tokenDiagnosis;
  if (verdict === 'agree') return [{ name: 'tokens', result: { kind: 'skipped', message: title } }];
  return [{ name: 'tokens', result: { kind: 'error', type: 'tokens', message: title, text } }];
}
