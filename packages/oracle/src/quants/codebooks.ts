import { POINTS } from './points.js';

type Book = keyof typeof POINTS;

/** What the digits of a point stand for: the values that occur in the grids of ggml-common.h. */
const VALUES: Readonly<Record<Book, readonly number[]>> = {
  IQ2_XXS: [8, 25, 43],
  IQ2_XS: [8, 25, 43],
  IQ2_S: [8, 25, 43],
  IQ3_XXS: [4, 12, 20, 28, 36, 44, 52, 62],
  IQ3_S: [1, 3, 5, 7, 9, 11, 13, 15],
  IQ1: [-1, 0, 1],
};

const expanded = new Map<Book, Int8Array>();

/** The value of weight `k` of a point. */
export function pointValue(book: Book, point: number, k: number): number {
  let values = expanded.get(book);
  if (!values) {
    values = expand(book);
    expanded.set(book, values);
  }
  return values[point * widthOf(book) + k] as number;
}

const widthOf = (book: Book): number => (book.startsWith('IQ3') ? 4 : 8);

function expand(book: Book): Int8Array {
  const text = POINTS[book].join('');
  const width = widthOf(book);
  const values = VALUES[book];
  const all = new Int8Array((text.length / 3) * width);
  for (let point = 0; point * 3 < text.length; point++) {
    let number = Number.parseInt(text.slice(point * 3, point * 3 + 3), 36);
    for (let k = width - 1; k >= 0; k--) {
      all[point * width + k] = values[number % values.length] as number;
      number = Math.floor(number / values.length);
    }
  }
  return all;
}
