import { UsageError } from './errors.js';

/** Token ids as an option has them. @example parseIds('1,15043') @throws UsageError where one is none */
export function parseIds(text: string, option = '--tokens'): readonly number[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((part) => {
      if (!/^\d{1,9}$/.test(part))
        throw new UsageError(`${option}: "${part}" is not a token id; wanted such as 1,15043.`);
      return Number(part);
    });
}
