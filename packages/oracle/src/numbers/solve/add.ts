import type { Form } from '../constants/forms.js';
import { formsOf, withValue } from '../constants/forms.js';
import { quantitiesOf } from '../constants/quantities.js';
import { recognise } from '../constants/recognise.js';
import { filled } from '../filled.js';
import type { Idea, Wrong } from '../wrong.js';
import { elsewhere, type Input, inputsOf, rmsOf } from './inputs.js';

/** A residual addition: each of the two times a number, or one of them with its rows or columns elsewhere. */
export function* add(wrong: Wrong): Generator<Idea> {
  const [branch, stream] = inputsOf(wrong.c);
  if (!branch || !stream) return;
  yield* times(wrong, branch, stream);
  for (const [operand, other] of [
    [branch, stream],
    [stream, branch],
  ] as const) {
    const solved = filled(wrong.sick.length, (i) => (wrong.sick[i] as number) - (other.rows[i] as number));
    const noise = Math.max(1, rmsOf(wrong.sick) / rmsOf(operand.rows));
    const moved = { name: operand.name, solved, right: operand.rows, rows: wrong.rows, noise };
    yield* elsewhere(wrong, moved, (rows) => rows.map((value, i) => value + (other.rows[i] as number)));
  }
}

/** By least squares, and only where both numbers are known ones. */
function* times(wrong: Wrong, a: Input, b: Input): Generator<Idea> {
  const { sick, c, width } = wrong;
  const sum = (x: ArrayLike<number>, y: ArrayLike<number>) => {
    let total = 0;
    for (let i = 0; i < x.length; i++) total += (x[i] as number) * (y[i] as number);
    return total;
  };
  const [aa, ab, bb, ya, yb] = [
    sum(a.rows, a.rows),
    sum(a.rows, b.rows),
    sum(b.rows, b.rows),
    sum(sick, a.rows),
    sum(sick, b.rows),
  ];
  const determinant = aa * bb - ab * ab;
  if (!(determinant > 1e-6 * aa * bb)) return; // the two are nearly the same
  const [ofA, ofB] = [(ya * bb - yb * ab) / determinant, (yb * aa - ya * ab) / determinant];
  const rest2 = sick.reduce(
    (total, y, i) => total + (y - ofA * (a.rows[i] as number) - ofB * (b.rows[i] as number)) ** 2,
    0,
  );
  const within = (size2: number) => Math.max(2e-7, 4 * Math.sqrt((rest2 * size2) / determinant / sick.length)); // as large as 1
  const forms = formsOf(c, quantitiesOf(c, width));
  const [formA, formB] = [known(ofA, within(bb), forms), known(ofB, within(aa), forms)];
  if (!formA || !formB || (formA.value === 1 && formB.value === 1)) return;
  const terms = [term(formA, a.name), term(formB, b.name)].filter(Boolean);
  yield {
    text: `the rows are ${terms.length === 0 ? '0' : terms.join(' + ')}`,
    rows: a.rows.map((value, i) => formA.value * value + formB.value * (b.rows[i] as number)),
  };
}

/** @param within absolute */
function known(value: number, within: number, forms: readonly Form[]): Form | undefined {
  const plain = forms.find((form) => (form.value === 0 || form.value === 1) && Math.abs(form.value - value) <= within);
  return plain && within < 0.1 ? plain : recognise(value, within / Math.abs(value), forms);
}

const term = (form: Form, name: string): string =>
  form.value === 0 ? '' : form.value === 1 ? name : `${withValue(form)} · ${name}`;
