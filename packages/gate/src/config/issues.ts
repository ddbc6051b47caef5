import type { z } from 'zod';
import { DUMP_RUN } from './config.js';

type Issue = z.core.$ZodIssue;

const SHOWN = 5;

/** Each mistake as a line: the place, what was found and what was wanted. */
export function explainIssues(issues: readonly Issue[], value: unknown): string[] {
  const lines = issues.flatMap((issue) => asDump(issue, value)).map((issue) => explain(issue, [], value));
  const hidden = lines.length - SHOWN;
  return hidden > 0 ? [...lines.slice(0, SHOWN), `and ${hidden} more`] : lines;
}

function explain(issue: Issue, above: readonly PropertyKey[], value: unknown): string {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union') {
    const branch = closest(issue.errors, at(value, path));
    if (branch?.[0]) return explain(branch[0], path, value);
  }
  const where = path.length === 0 ? '' : `${show(path)}: `;
  if (issue.code === 'unrecognized_keys') return `${where}${issue.message}`;
  return `${where}found ${shorten(at(value, path))}; ${issue.message}.`;
}

/** zod picks the alternative whose only mistakes are unknown keys; but a run with a candidate is a dump. */
function asDump(issue: Issue, value: unknown): readonly Issue[] {
  if (issue.code !== 'unrecognized_keys' || !issue.keys.includes('candidate') || issue.path[0] !== 'runs')
    return [issue];
  const own = DUMP_RUN.safeParse(at(value, issue.path)).error?.issues ?? [];
  return own.length === 0 ? [issue] : own.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
}

/** The alternative that was meant: the right kind of value, with the fewest mistakes. */
function closest(branches: readonly (readonly Issue[])[], value: unknown): readonly Issue[] | undefined {
  const isDump = typeof value === 'object' && value !== null && 'candidate' in value;
  const isOtherKind = (issues: readonly Issue[]) =>
    issues.some(({ path, code }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value'));
  const mistakes = (issues: readonly Issue[]) =>
    issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
  return branches
    .filter((issues) => !isOtherKind(issues))
    .filter((issues) => !(isDump && issues.some(refusesCandidate)))
    .sort((a, b) => mistakes(a) - mistakes(b))
    .at(0);
}

/** A run with a candidate is a dump, whatever else is wrong with it. */
const refusesCandidate = (issue: Issue): boolean =>
  issue.code === 'unrecognized_keys' && issue.path.length === 0 && issue.keys.includes('candidate');

/** @example show(['runs', 0, 'steps']) === 'runs[0].steps' */
const show = (path: readonly PropertyKey[]): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('');

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((found, key) => (found as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function shorten(value: unknown): string {
  const text = value === undefined ? 'nothing' : asText(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** A program's value need not be JSON: it may be a bigint, a function, or hold itself. */
function asText(value: unknown): string {
  try {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? String(value);
  } catch {
    return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
  }
}
