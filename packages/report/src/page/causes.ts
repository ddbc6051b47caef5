import type { NamedFault, Report } from '@llama-probe/comparison';
import type { Cause } from '@llama-probe/diff';
import type { Diagnosis } from '@llama-probe/oracle';
import type { PageBug, PageCause, PageFault, PageFirst, PageTried } from '@llama-probe/page';
import { causeOfFirst } from '../words.js';
import type { Numbered } from './stages.js';

type Candidate = Diagnosis['candidates'][number];

/** The faults, each with its cause; what else was tried stands with the first of its kind. */
export function faultsOf({ faults }: Report, { placeAt }: Numbered): PageFault[] | null {
  if (!faults) return null;
  const known = new Set<string>();
  return faults.flatMap((fault) => {
    const place = placeAt(fault);
    if (place === null) return [];
    const kind = `${fault.stage} ${fault.cause?.id ?? ''} ${fault.cause?.confidence ?? ''}`;
    const isFirst = !known.has(kind);
    known.add(kind);
    return [{ place, ...pageFault(fault, isFirst) }];
  });
}

function pageFault(fault: NamedFault, isFirst: boolean): Omit<PageFault, 'place'> {
  const { steps, token, limit, reason, where, cause, diagnosis } = fault;
  return {
    steps,
    token,
    local: localOf(fault),
    limit,
    reason: reason ?? null,
    where: where?.text ?? null,
    cause: causeOf(cause, diagnosis, isFirst),
  };
}

/** −1 where a side is not finite: the sums leave that out, and JSON has no NaN. */
const localOf = ({ local, where }: NamedFault): number =>
  Number.isFinite(local) && where?.kind.kind !== 'nonfinite' ? local : -1;

export function firstOf(report: Report, { stageAt }: Numbered): PageFirst | null {
  const { first } = report;
  const at = first && stageAt(first);
  if (!first || at === null) return null;
  return {
    at,
    token: first.token,
    where: first.where?.text ?? null,
    cause: causeOf(first.cause, causeOfFirst(report), true),
  };
}

function causeOf(cause: Cause | null, diagnosis: Diagnosis | null, isFirst: boolean): PageCause | null {
  if (!diagnosis) return cause && { ...cause, bug: null, text: '', tried: [], alike: [], hint: null };
  const best = diagnosis.confidence === 'unknown' ? undefined : diagnosis.candidates[0];
  return {
    id: cause?.id ?? '',
    title: cause?.title ?? 'no known bug gives these numbers',
    confidence: diagnosis.confidence,
    bug: best ? bugOf(best) : null,
    text: best ? '' : diagnosis.text,
    tried: isFirst ? diagnosis.candidates.map(tried) : [],
    alike: diagnosis.indistinguishable,
    hint: diagnosis.hint ?? null,
  };
}

const bugOf = ({ changes, look, parameters, with: other }: Candidate): PageBug => ({
  changes,
  look: other ? `${look} ${other.look}` : look,
  parameters: parametersOf({ ...parameters, ...other?.parameters }),
});

const tried = ({ title, source, parameters, deltaBefore, delta, with: other }: Candidate): PageTried => ({
  title: other ? `${title}, and ${other.title}` : title,
  source,
  parameters: parametersOf({ ...parameters, ...other?.parameters }),
  before: deltaBefore,
  after: delta,
});

const parametersOf = (parameters: Candidate['parameters']): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? Number(value.toPrecision(4)) : value}`)
    .join(', ');
