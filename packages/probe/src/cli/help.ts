/**
 * Examples for the end of a command's help.
 *
 * @param lines what to type → what it is for
 */
export function examples(lines: Readonly<Record<string, string>>): string {
  const shown = Object.entries(lines).map(([line, purpose]) => `  ${line}\n      ${purpose}`);
  return `\nExamples:\n${shown.join('\n')}`;
}
