import type { Where } from '@llama-probe/diff';

/** Stage → the line of the candidate's code that computes it. @example { q_rope: 'src/attention.rs:212' } */
export type Sources = Readonly<Record<string, string>>;

/** A stage that is wrong, with the line that computes it where the candidate's run says that. */
export function withSource<T extends { readonly stage: string; readonly where: Where | null }>(
  wrong: T,
  sources: Sources = {},
): T {
  const { stage, where } = wrong;
  const source = Object.hasOwn(sources, stage) ? sources[stage] : undefined;
  if (source === undefined || !where) return wrong;
  return { ...wrong, where: { ...where, source, text: `${where.text}; the line is ${source}` } };
}
