import type { CaseWeight, StageCase } from '../case.js';
import { PRODUCTS, productWeight } from '../variants/product.js';

/** The stages that are products of a weight, in evaluation order. */
export const PRODUCT_STAGES: readonly string[] = Object.keys(PRODUCTS);

/** The weight that a product's stage, or embd, reads. */
export function ownWeight(c: StageCase): CaseWeight | undefined {
  const name = productWeight(c);
  return name === undefined ? undefined : c.model.weight(name);
}

/** The names that a weight of the layer has in other layers: those beside it, the first and the last. */
export function otherLayers(c: StageCase, stem: string): string[] {
  const { layer } = c;
  if (layer === null) return [];
  const others = [layer - 1, layer + 1, 0, c.model.layers - 1].filter((il) => il !== layer && il >= 0);
  const names = [...new Set(others)].map((il) => `blk.${il}.${stem}.weight`);
  return names.filter((name) => sameShape(c.model.weight(name), c.model.weight(`blk.${layer}.${stem}.weight`)));
}

export const sameShape = (a: CaseWeight | undefined, b: CaseWeight | undefined): boolean =>
  a !== undefined && b !== undefined && a.rows === b.rows && a.columns === b.columns;
