import { nearest, UsageError } from '@llama-probe/comparison/ask';
import picomatch from 'picomatch';

/**
 * The names that are asked for.
 *
 * @param patterns such as `output.weight,blk.*.attn_q.weight`; all names without them
 * @throws UsageError for a pattern that no name has
 */
export function selected(names: readonly string[], patterns: string | undefined, file: string): Set<string> {
  if (patterns === undefined) return new Set(names);
  const found = patterns
    .split(',')
    .map((pattern) => pattern.trim())
    .flatMap((pattern) => {
      const matches = names.includes(pattern) ? [pattern] : names.filter((name) => picomatch.isMatch(name, pattern));
      if (matches.length === 0) {
        throw new UsageError(
          `--tensor: ${file} has no tensor "${pattern}"; did you mean ${nearest(pattern, [...names])}? ` +
            'Patterns such as blk.*.attn_q.weight are allowed; without --tensor all are looked at.',
        );
      }
      return matches;
    });
  return new Set(found);
}
