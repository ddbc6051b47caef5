/**
 * What a table has under a name that comes from a file: its own entries only, for a tensor may be called `constructor`.
 *
 * @example lookUp({ q_proj: 'q' }, 'toString') // undefined
 */
export const lookUp = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
