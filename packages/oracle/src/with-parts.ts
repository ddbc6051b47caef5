import type { CaseModel, CaseWeight } from './case.js';

/**
 * A model's weights, and such as they are made into: some rows of one, by a name as `partName` makes it, and Q, K and V of a layer as one,
 * `attn_qkv`, where the file has them apart and they have one type. Of a vector, such as a bias, its values are counted.
 *
 * @example withParts((name) => readWeight(file, name))('blk.0.attn_qkv.weight[0:128]') // Q's
 */
export function withParts(weight: CaseModel['weight']): CaseModel['weight'] {
  const whole = (name: string): CaseWeight | undefined => weight(name) ?? fused(name, weight);
  return (name) => {
    const [, of, from, to] = /^(.+)\[(\d+):(\d+)\]$/.exec(name) ?? [];
    if (of === undefined) return whole(name);
    const found = whole(of);
    return found && part(found, Number(from), Number(to));
  };
}

function part(whole: CaseWeight, from: number, to: number): CaseWeight | undefined {
  const { rows, columns, bytes } = whole;
  const isVector = rows === 1;
  const size = bytes.length / (isVector ? columns : rows);
  if (!Number.isInteger(size) || from >= to || to > (isVector ? columns : rows)) return undefined;
  const count = to - from;
  const own = bytes.subarray(from * size, to * size);
  return isVector ? { ...whole, columns: count, bytes: own } : { ...whole, rows: count, bytes: own };
}

/** Q, K and V one below the other, as an engine puts them together when it loads them. */
function fused(name: string, weight: CaseModel['weight']): CaseWeight | undefined {
  const [, layer, kind] = /^(blk\.\d+\.)attn_qkv\.(weight|bias)$/.exec(name) ?? [];
  const parts = layer === undefined ? [] : ['q', 'k', 'v'].map((one) => weight(`${layer}attn_${one}.${kind}`));
  const found = parts.filter((one) => one !== undefined);
  const [first] = found;
  if (!first || found.length < parts.length || found.some(({ type }) => type !== first.type)) return undefined;
  const bytes = new Uint8Array(found.reduce((sum, one) => sum + one.bytes.length, 0));
  let at = 0;
  for (const one of found) {
    bytes.set(one.bytes, at);
    at += one.bytes.length;
  }
  const count = (of: 'rows' | 'columns') => found.reduce((sum, one) => sum + one[of], 0);
  if (kind === 'bias') return { ...first, columns: count('columns'), bytes };
  return found.every(({ columns }) => columns === first.columns) ? { ...first, rows: count('rows'), bytes } : undefined;
}
