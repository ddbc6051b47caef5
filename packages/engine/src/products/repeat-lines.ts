/**
 * A shader for so many rows and tokens a thread, which it knows as ROWS and TOKENS: a line with `$r` is there once for each of the rows, its number in the
 * place of `$r`, and one with `$t` once for each of the tokens. WGSL has no such thing, and an array that a loop goes through is kept in memory and not in
 * registers.
 *
 * @example repeatLines('let sum$r = 0.0;', { rows: 2, tokens: 1 }) // … let sum0 = 0.0; let sum1 = 0.0;
 */
export function repeatLines(
  text: string,
  { rows, tokens }: { readonly rows: number; readonly tokens: number },
): string {
  const repeat = (line: string): string[] => {
    const [mark, times] = line.includes('$r') ? ['$r', rows] : ['$t', tokens];
    if (/^\s*\/\//.test(line) || !line.includes(mark)) return [line];
    return Array.from({ length: times }, (_, i) => line.replaceAll(mark, String(i)));
  };
  return [`const ROWS = ${rows}u;`, `const TOKENS = ${tokens}u;`, ...text.split('\n').flatMap(repeat)].join('\n');
}
