import { documentOf, encode, type Finding, UsageError } from '@llama-probe/comparison/ask';

/** The whole report of a run, as one line of JSON. */
export function json(findings: readonly Finding[]): string {
  const [only, ...others] = findings;
  if (!only || others.length > 0) throw new UsageError(`json: wanted one run, got ${findings.length}.`);
  return `${encode(documentOf('comparison', only.report))}\n`;
}
