import { dequantizeRow } from '../blocks.js';
import type { CaseModel, CaseWeight } from '../case.js';
import type { Stretch } from './stretch.js';

const MOST_NUMBERS = 2 ** 26; // 512 MiB of them: a layer of a model of a billion weights

/** The same stretch, whose weights are dequantised once, as far as there is room: it is computed again and again. */
export function keepingWeights({ stages }: Stretch): Stretch {
  const kept = new Map<string, CaseWeight | undefined>();
  let room = MOST_NUMBERS;
  const keep = (name: string, model: CaseModel): CaseWeight | undefined => {
    const weight = model.weight(name);
    const size = weight ? weight.rows * weight.columns : 0;
    if (!weight || size > room) return weight;
    room -= size;
    return { ...weight, numbers: numbersOf(weight) };
  };
  const weight = (model: CaseModel) => (name: string) => {
    if (!kept.has(name)) kept.set(name, keep(name, model));
    return kept.get(name);
  };
  return {
    stages: stages.map((stage) => {
      const { case: c } = stage;
      return c ? { ...stage, case: { ...c, model: { ...c.model, weight: weight(c.model) } } } : stage;
    }),
  };
}

function numbersOf({ type, rows, columns, bytes }: CaseWeight): Float64Array {
  const numbers = new Float64Array(rows * columns);
  const size = bytes.length / rows;
  for (let row = 0; row < rows; row++)
    numbers.set(dequantizeRow(type, bytes.subarray(row * size, (row + 1) * size), columns), row * columns);
  return numbers;
}
