import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

const SHOWN = 5;

/** Each mistake as a line: the place, what was found and what was wanted. */
export function explainIssues(issues: readonly Issue[], value: unknown): string[] {
  const lines = issues.map((issue) => explain(issue, [], value));
  const hidden = lines.length - SHOWN;
  return hidden > 0 ? [...lines.slice(0, SHOWN), `and ${hidden} more`] : lines;
}

function explain(issue: Issue, above: readonly PropertyKey[], value: unknown): string {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union') {
    const branch = closest(issue.errors);
    if (branch?.[0]) return explain(branch[0], path, value);
  }
  const where = path.length === 0 ? '' : `${show(path)}: `;
  if (issue.code === 'unrecognized_keys') return `${where}${issue.message}`;
  return `${where}found ${shorten(at(value, path))}; ${issue.message}.`;
}

/** Of the alternatives the one that was meant: it has the right kind of value, and the fewest mistakes. */
function closest(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const isOtherKind = (issues: readonly Issue[]) =>
    issues.some(({ path, code }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value'));
  const mistakes = (issues: readonly Issue[]) =>
    issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
  return branches
    .filter((issues) => !isOtherKind(issues))
    .sort((a, b) => mistakes(a) - mistakes(b))
    .at(0);
}

/** @example show(['runs', 0, 'steps']) === 'runs[0].steps' */
const show = (path: readonly PropertyKey[]): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('');

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((found, key) => (found as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function shorten(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
