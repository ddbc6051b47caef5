import { existsSync, statSync } from 'node:fs';

/**
 * The words of a command that are files, such as its script. A guess: what those read is not seen, and a name with a space in it is two words.
 *
 * @example filesIn('python3 mine.py {model}') // ['mine.py'], where there is one
 */
export const filesIn = (command: string): string[] =>
  command.split(/[\s'"=;&|<>()]+/).filter((word) => existsSync(word) && statSync(word).isFile());
