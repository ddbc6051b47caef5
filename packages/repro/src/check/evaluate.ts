import type { Matrix, Recipe, Value } from '../recipe/recipe.js';
import { WRITING } from './languages.js';
import { templateUrl } from './templates.js';

type Function = (...given: unknown[]) => Matrix;

/** What a recipe makes, in float64, by the functions of the check in JavaScript. Inputs are as the files have them: in float32. */
export async function evaluate({ inputs, calls }: Recipe): Promise<Matrix> {
  const functions: Record<string, Function> = await import(
    /* @vite-ignore */ templateUrl(WRITING.javascript.functions).href
  );
  const known = new Map<string, Matrix>(
    inputs.map(({ variable, values, ...input }) => [variable, { ...input, values: values.map(Math.fround) }]),
  );
  let last: Matrix | undefined;
  for (const { out, call, matrices, values } of calls) {
    const given = Object.values(values).map((value) => plain(value, functions));
    last = (functions[call] as Function)(...matrices.map((name) => known.get(name)), ...given);
    known.set(out, last);
  }
  if (!last) throw new Error('A recipe without calls makes nothing.');
  return last;
}

function plain(value: Value, functions: Readonly<Record<string, Function>>): unknown {
  if ('count' in value) return value.count;
  if ('real' in value) return value.real;
  if ('counts' in value) return value.counts;
  return 'is' in value ? value.is : functions[value.of];
}

/** The relative RMS distance over what no mask hides, as the checks have it; NaN where a value is none. */
export function distance(rows: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [delta, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const wanted = expected[i] as number;
    if (Number.isNaN(wanted)) continue;
    delta += ((rows[i] as number) - wanted) ** 2;
    size += wanted ** 2;
  }
  return Math.sqrt(delta) / Math.max(Math.sqrt(size), 1e-300);
}
