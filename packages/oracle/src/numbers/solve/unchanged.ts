import { filled } from '../filled.js';
import { counted, inRanges } from '../words.js';
import { type Idea, positionOf, type Wrong } from '../wrong.js';
import { inputsOf } from './inputs.js';

/** What was not computed at all: an input of the same shape goes through, as a whole or in some rows, heads or columns. */
export function* unchanged(wrong: Wrong): Generator<Idea> {
  const { c, sick, right, width, heads } = wrong;
  for (const input of inputsOf(c)) {
    if (!input || input.rows.length !== sick.length) continue;
    const { name, rows } = input;
    yield { text: `the rows are those of ${name}, as they were`, rows };
    const size = width / heads;
    const parts: readonly Part[] = [
      {
        count: sick.length / width,
        of: (i) => Math.floor(i / width),
        inWords: (units) => rowsOf(units.map((row) => positionOf(wrong, row))),
      },
      ...(heads > 1
        ? [
            {
              count: heads,
              of: (i: number) => Math.floor((i % width) / size),
              inWords: (units: readonly number[]) => counted('head', units),
            },
            {
              count: size,
              of: (i: number) => i % size,
              inWords: (units: readonly number[]) => `${counted('column', units)} of each head`,
            },
          ]
        : []),
      { count: width, of: (i) => i % width, inWords: (units) => counted('column', units) },
    ];
    for (const part of parts) {
      const there = wrongParts(wrong, part, rows);
      if (there.length === 0 || there.length === part.count || isScattered(there)) continue;
      const isThere = new Set(there);
      yield {
        text: `${part.inWords(there)} ${there.length === 1 ? 'is' : 'are'} what ${name} has there, as it was`,
        rows: filled(right.length, (i) => (isThere.has(part.of(i)) ? rows : right)[i] as number),
      };
    }
  }
}

const rowsOf = (tokens: readonly number[]): string =>
  tokens.length === 1 ? `the row of token ${tokens[0]}` : `the rows of tokens ${inRanges(tokens)}`;

interface Part {
  readonly count: number;
  of(index: number): number;
  inWords(units: readonly number[]): string;
}

/** What cannot be told in a few ranges. */
const isScattered = (numbers: readonly number[]): boolean =>
  numbers.filter((number, i) => number !== (numbers[i - 1] ?? -2) + 1).length > 4;

/** The parts in which the sick rows are nearer to the input than to what is right. */
function wrongParts({ sick, right }: Wrong, { count, of }: Part, input: Float64Array): number[] {
  const [toInput, toRight] = [new Float64Array(count), new Float64Array(count)];
  sick.forEach((value, i) => {
    const part = of(i);
    toInput[part] = (toInput[part] as number) + (value - (input[i] as number)) ** 2;
    toRight[part] = (toRight[part] as number) + (value - (right[i] as number)) ** 2;
  });
  return Array.from(toInput.keys()).filter((part) => (toInput[part] as number) < (toRight[part] as number));
}
