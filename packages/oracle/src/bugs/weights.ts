import { type CaseWeight, operationOf, type StageCase, tensorName, weightName } from '../case.js';

/** The weight that a product, or embd, reads. */
export function ownWeight(c: StageCase): CaseWeight | undefined {
  const name = weightName(c);
  return name === undefined ? undefined : c.model.weight(name);
}

/** The names that the case's weight has in other layers: the one before, the one after, the first and the last. */
export function otherLayers(c: StageCase): string[] {
  const { layer, model } = c;
  const { weight } = operationOf(c);
  if (layer === null || weight === undefined) return [];
  const others = [layer - 1, layer + 1, 0, model.layers - 1].filter((il) => il !== layer && il >= 0);
  const names = [...new Set(others)].map((il) => tensorName({ ...c, layer: il }, weight));
  return names.filter((name) => sameShape(model.weight(name), ownWeight(c)));
}

export const sameShape = (a: CaseWeight | undefined, b: CaseWeight | undefined): boolean =>
  a !== undefined && b !== undefined && a.rows === b.rows && a.columns === b.columns;
