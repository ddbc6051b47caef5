import {
  type CaseWeight,
  headsOf,
  operationOf,
  partName,
  roleOf,
  type StageCase,
  tensorName,
  weightName,
} from '../case.js';

/** The weight that a product, or embd, reads. */
export function ownWeight(c: StageCase): CaseWeight | undefined {
  const name = weightName(c);
  return name === undefined ? undefined : c.model.weight(name);
}

/** The names that the case's weight has in other layers: the one before, the one after, the first and the last. */
export function otherLayers(c: StageCase): string[] {
  const { layer, model } = c;
  if (layer === null) return [];
  const others = [layer - 1, layer + 1, 0, model.layers - 1].filter((il) => il !== layer && il >= 0);
  const names = [...new Set(others)].flatMap((il) => weightName({ ...c, layer: il }) ?? []);
  return names.filter((name) => sameShape(model.weight(name), ownWeight(c)));
}

/** A part of a weight that is several in one. */
interface Part {
  /** The whole weight's name. */
  readonly name: string;
  /** How many rows the whole has. */
  readonly all: number;
  readonly begin: number;
  readonly count: number;
}

const PARTS = ['q_proj', 'k_proj', 'v_proj'];

/** What the case's product reads of a weight that is several in one; undefined where it has a weight to itself. */
export function ownPart(c: StageCase): Part | undefined {
  const { weight = '', rowsOfWeight } = operationOf(c);
  const name = tensorName(c, rowsOfWeight ? weight : 'attn_qkv');
  const whole = c.model.weight(name);
  if (!whole) return undefined;
  if (rowsOfWeight) return { name, all: whole.rows, begin: rowsOfWeight[0], count: rowsOfWeight[1] - rowsOfWeight[0] };
  const { headCount, headCountKv, headDim } = c.model.config;
  const begin = [0, headCount, headCount + headCountKv][PARTS.indexOf(roleOf(c))];
  return begin === undefined
    ? undefined
    : { name, all: whole.rows, begin: begin * headDim, count: headsOf(c) * headDim };
}

/** Of a weight that is several in one in the file, the names of as many rows from elsewhere in it: of K where a fused QKV is split for V. */
export function otherParts(c: StageCase): string[] {
  const { name, all = 0, begin = 0, count = 1 } = ownPart(c) ?? {};
  if (name === undefined || !operationOf(c).rowsOfWeight) return [];
  const begins = Array.from({ length: Math.floor(all / count) }, (_, i) => (begin % count) + i * count);
  const names = begins.flatMap((at) => (at === begin || at + count > all ? [] : partName(name, [at, at + count])));
  return names.filter((one) => !thirdOf(c).includes(one));
}

/** What a fused QKV has for the case in the place where its part would begin if all three were as long; none where that is right, or V gets K's. */
export function thirdOf(c: StageCase): string[] {
  const { name, all = 0, begin = 0, count = 0 } = ownPart(c) ?? {};
  const at = (PARTS.indexOf(roleOf(c)) * all) / PARTS.length;
  const isElsewhere = Number.isInteger(at) && at >= 0 && at + count <= all && at !== begin && at !== begin - count;
  return name !== undefined && isElsewhere ? [partName(name, [at, at + count])] : [];
}

export const sameShape = (a: CaseWeight | undefined, b: CaseWeight | undefined): boolean =>
  a !== undefined && b !== undefined && a.rows === b.rows && a.columns === b.columns;
